/**
 * @file
 * The network: 5 layers, 444 multiply-accumulates, 464 bytes of constants.
 *
 * Generated. Call birdnet_network_init() once. Then call birdnet_network_run() for every window, or
 * its parts: birdnet_network_quantize() or birdnet_network_set_input(), birdnet_network_invoke(),
 * birdnet_network_output().
 *
 * If an argument or the arena of the network is a null pointer, a function returns
 * BIRDNET_ERROR_ARGUMENT. A function that returns a pointer returns a null pointer then.
 */
#include "birdnet_network_id.h" /* before the guard, to detect another network */

#ifndef BIRDNET_NETWORK_H
#define BIRDNET_NETWORK_H

#include "runtime/birdnet_status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Values of one input, [1, 5, 7, 1] in row-major order. */
#define BIRDNET_INPUT_ELEMENTS 35u
/** Values of one output, one for each label. */
#define BIRDNET_OUTPUT_ELEMENTS 4u
/** Memory for all activations. The caller provides it. */
#define BIRDNET_ARENA_BYTES 96u
#define BIRDNET_ARENA_ALIGNMENT 16u

/** real = scale * (int8 - zero point). */
#define BIRDNET_INPUT_SCALE 0.02f
#define BIRDNET_INPUT_ZERO_POINT (-128)
#define BIRDNET_OUTPUT_SCALE 0.00390625f
#define BIRDNET_OUTPUT_ZERO_POINT (-128)

/** 1: a probability is 1 / (1 + exp(-output)). 0: the output is a probability. */
#define BIRDNET_OUTPUT_IS_LOGIT 0

/** The embedding: what the last layer is fed, for clustering or a classifier of your own. */
#define BIRDNET_EMBEDDING_ELEMENTS 3u
/** real = scale * (int8 - zero point). */
#define BIRDNET_EMBEDDING_SCALE 0.02f
#define BIRDNET_EMBEDDING_ZERO_POINT (-128)

/** Every network defines this name, so that the linker refuses a second network in a program. */
extern const char birdnet_one_network_in_a_program[];

/** The name of each output, in UTF-8. */
extern const char *const birdnet_labels[BIRDNET_OUTPUT_ELEMENTS];

/** A network and its memory. */
typedef struct {
    int8_t *arena;
} birdnet_network_t;

/**
 * Prepare a network.
 *
 * @param network     the network to prepare
 * @param arena       aligned to BIRDNET_ARENA_ALIGNMENT; belongs to the network from now on
 * @param arena_bytes at least BIRDNET_ARENA_BYTES
 * @return BIRDNET_ERROR_ARGUMENT: a pointer is null or misaligned; BIRDNET_ERROR_MEMORY: too small
 */
birdnet_status_t birdnet_network_init(birdnet_network_t *network, void *arena, size_t arena_bytes);

/** Address of the quantized input: BIRDNET_INPUT_ELEMENTS values in the order of the kernels. */
int8_t *birdnet_network_input(const birdnet_network_t *network);

/** Index in that order of an element of the row-major order of the model. */
uint32_t birdnet_network_input_place(uint32_t element);

/** Write the quantized input, BIRDNET_INPUT_ELEMENTS values. A run may overwrite it. */
birdnet_status_t birdnet_network_set_input(const birdnet_network_t *network, const int8_t *input);

/** Read the quantized input back, BIRDNET_INPUT_ELEMENTS values. */
birdnet_status_t birdnet_network_get_input(const birdnet_network_t *network, int8_t *input);

/** The quantized output in the arena, BIRDNET_OUTPUT_ELEMENTS values, until the next input. */
const int8_t *birdnet_network_output(const birdnet_network_t *network);

/** The embedding in the arena, BIRDNET_EMBEDDING_ELEMENTS values, until the next input. */
const int8_t *birdnet_network_embedding(const birdnet_network_t *network);

/** Write the input, BIRDNET_INPUT_ELEMENTS real values. */
birdnet_status_t birdnet_network_quantize(const birdnet_network_t *network, const float *input);

/** Compute the quantized output from the quantized input. */
birdnet_status_t birdnet_network_invoke(const birdnet_network_t *network);

/** Write birdnet_network_output() to `output`, BIRDNET_OUTPUT_ELEMENTS real values. */
birdnet_status_t birdnet_network_dequantize(const birdnet_network_t *network, float *output);

/** Quantize, invoke, dequantize. */
birdnet_status_t birdnet_network_run(const birdnet_network_t *network, const float *input,
                                     float *output);

#ifdef __cplusplus
}
#endif

#endif
