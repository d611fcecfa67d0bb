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
#ifdef BIRDNET_SPLIT_HEAD
    birdnet_head_status_t head_status; /* why the head was refused, or that it was not */
#endif
} inference_t;

/* Prepares the network. With a head that can be replaced, it checks the head: a wrong one is
 * refused, and no inference runs. */
birdnet_status_t inference_init(inference_t *inference);

/* Says why inference_init() failed. */
const char *inference_refusal(const inference_t *inference);

/* Computes the input of the network from `pcm`, which has BIRDNET_WINDOW_SAMPLES samples. */
birdnet_status_t inference_features(inference_t *inference, const int16_t *pcm);

/* Runs the network on its quantized input. The network may overwrite the input. */
birdnet_status_t inference_invoke(inference_t *inference);

/* Writes the outputs of the network as probabilities, one for each class: classes_count(). */
birdnet_status_t inference_scores(const inference_t *inference, float *scores);

#ifndef BIRDNET_SPLIT_HEAD
/* Returns the probability that one output of the network stands for. */
float inference_probability(int8_t output);
#endif

/* Does all three steps: features, network, probabilities. */
birdnet_status_t inference_run(inference_t *inference, const int16_t *pcm, float *scores);

#endif
