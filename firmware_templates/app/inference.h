/* One window from samples to probabilities: the front end, then the network.
 *
 * The arena and the front end's buffers are static and exist once, so there is one inference at a
 * time. The linker script places them: section .birdnet_buffers. */
#ifndef INFERENCE_H
#define INFERENCE_H

#include "birdnet_frontend_config.h"
#include "birdnet_network.h"

#include <stdint.h>

typedef struct {
    birdnet_network_t network;
} inference_t;

birdnet_status_t inference_init(inference_t *inference);

/* Makes the network's input of `pcm`, BIRDNET_WINDOW_SAMPLES long. */
birdnet_status_t inference_features(inference_t *inference, const int16_t *pcm);

/* Runs the network on its quantized input, which it may overwrite. */
birdnet_status_t inference_invoke(inference_t *inference);

/* Writes the network's outputs as probabilities, BIRDNET_OUTPUT_ELEMENTS long. */
birdnet_status_t inference_scores(const inference_t *inference, float *scores);

/* What one of the network's outputs means. */
float inference_probability(int8_t output);

/* All of it: features, network, probabilities. */
birdnet_status_t inference_run(inference_t *inference, const int16_t *pcm, float *scores);

#endif
