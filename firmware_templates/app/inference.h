/* Computes the probabilities of one window of samples: the front end, then the network.
 *
 * The arena and the buffers of the front end are static and exist once, so only one inference can
 * run at a time. The linker script places them in the section .birdnet_buffers. */
#ifndef INFERENCE_H
#define INFERENCE_H

#include "birdnet_frontend_config.h"
#include "birdnet_network.h"

#include <stdint.h>

typedef struct {
    birdnet_network_t network;
} inference_t;

birdnet_status_t inference_init(inference_t *inference);

/* Computes the input of the network from `pcm`, which has BIRDNET_WINDOW_SAMPLES samples. */
birdnet_status_t inference_features(inference_t *inference, const int16_t *pcm);

/* Runs the network on its quantized input. The network may overwrite the input. */
birdnet_status_t inference_invoke(inference_t *inference);

/* Writes the outputs of the network as BIRDNET_OUTPUT_ELEMENTS probabilities. */
birdnet_status_t inference_scores(const inference_t *inference, float *scores);

/* Returns the probability that one output of the network stands for. */
float inference_probability(int8_t output);

/* Does all three steps: features, network, probabilities. */
birdnet_status_t inference_run(inference_t *inference, const int16_t *pcm, float *scores);

#endif
