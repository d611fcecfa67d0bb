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

/* The three steps of inference_features(), for those who want to look in between: magnitudes,
 * compressed magnitudes, normalized features, of which the last step also makes the network's
 * input. */
birdnet_status_t inference_magnitude(inference_t *inference, const int16_t *pcm);
birdnet_status_t inference_compress(inference_t *inference);
birdnet_status_t inference_normalize(inference_t *inference);

/* What the last of these functions computed, BIRDNET_FEATURE_ELEMENTS long. */
const float *inference_feature_values(const inference_t *inference);

/* Runs the network on its quantized input, which it may overwrite. */
birdnet_status_t inference_invoke(inference_t *inference);

/* Writes the network's outputs as probabilities, BIRDNET_OUTPUT_ELEMENTS long. */
birdnet_status_t inference_scores(const inference_t *inference, float *scores);

/* All of it: features, network, probabilities. */
birdnet_status_t inference_run(inference_t *inference, const int16_t *pcm, float *scores);

#endif
