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

/* Computes the features of `pcm`, BIRDNET_WINDOW_SAMPLES long, and quantizes them into the
 * network's input. */
birdnet_status_t inference_features(inference_t *inference, const int16_t *pcm);

/* One of the BIRDNET_FRONTEND_STEPS steps of inference_features(), for those who want to look in
 * between: see birdnet_frontend_step(). The last also makes the network's input. */
birdnet_status_t inference_step(inference_t *inference, uint32_t step, const int16_t *pcm);

/* What the last step computed, BIRDNET_FEATURE_ELEMENTS long. */
const float *inference_feature_values(const inference_t *inference);

/* Runs the network on its quantized input, which it may overwrite. */
birdnet_status_t inference_invoke(inference_t *inference);

/* Writes the network's outputs as probabilities, BIRDNET_OUTPUT_ELEMENTS long. */
birdnet_status_t inference_scores(const inference_t *inference, float *scores);

/* What one of the network's outputs means. */
float inference_probability(int8_t output);

/* All of it: features, network, probabilities. */
birdnet_status_t inference_run(inference_t *inference, const int16_t *pcm, float *scores);

#endif
