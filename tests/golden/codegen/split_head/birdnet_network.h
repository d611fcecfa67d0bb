/**
 * @file
 * The network: 4 layers, 444 multiply-accumulates, 148 bytes of constants.
 *
 * Generated. Call birdnet_network_init() once, then birdnet_network_use_head(): the last layer is
 * not a part of this network, see runtime/birdnet_head.h. Then, for every window, call
 * birdnet_network_run(), or
 * its parts: birdnet_network_quantize() or birdnet_network_set_input(), birdnet_network_invoke(),
 * birdnet_network_output().
 *
 * If an argument or the arena of the network is a null pointer, a function returns
 * BIRDNET_ERROR_ARGUMENT. A function that returns a pointer returns a null pointer then.
 */
#include "birdnet_network_id.h" /* before the guard, to detect another network */

#ifndef BIRDNET_NETWORK_H
#define BIRDNET_NETWORK_H

#include "runtime/birdnet_head.h"
#include "runtime/birdnet_status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Values of one input, [1, 5, 7, 1] in row-major order. */
#define BIRDNET_INPUT_ELEMENTS 35u
/** The head is a part of its own: network.head says how many classes there are and their names. */
#define BIRDNET_SPLIT_HEAD 1
/** Most values of one output: the classes that memory is reserved for. */
#define BIRDNET_OUTPUT_ELEMENTS 9u
/** Values that the backbone gives to the head. */
#define BIRDNET_BACKBONE_ELEMENTS 3u
/** Size of the section .birdnet_head. The head of 4 classes takes 488 bytes. */
#define BIRDNET_HEAD_SECTION_BYTES 4096u
/** Memory for all activations and, before them, the front end. The caller provides it. */
#define BIRDNET_ARENA_BYTES 96u
#define BIRDNET_ARENA_ALIGNMENT 16u

/** real = scale * (int8 - zero point). */
#define BIRDNET_INPUT_SCALE 0.02f
#define BIRDNET_INPUT_ZERO_POINT (-128)

/** The embedding: what the last layer is fed, for clustering or a classifier of your own. */
#define BIRDNET_EMBEDDING_ELEMENTS 3u
/** real = scale * (int8 - zero point). */
#define BIRDNET_EMBEDDING_SCALE 0.02f
#define BIRDNET_EMBEDDING_ZERO_POINT (-128)

/** Every network defines this name, so that the linker refuses a second network in a program. */
extern const char birdnet_one_network_in_a_program[];

/** What this network expects of a head. */
extern const birdnet_head_expectation_t birdnet_head_expectation;

/**
 * The section .birdnet_head, BIRDNET_HEAD_SECTION_BYTES bytes: the head that this network was built
 * with, or the one that has replaced it since.
 */
const void *birdnet_head_section(void);

/** CRC-32 of the head that this network was built with. Compare it with network.head.crc32. */
extern const uint32_t birdnet_head_built_in_crc32;

/** A network, its memory and its head. */
typedef struct {
    int8_t *arena;
    birdnet_head_t head;
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

/**
 * Check a head and use it from now on. Without one, birdnet_network_invoke() computes nothing.
 *
 * @param section       usually birdnet_head_section()
 * @param section_bytes usually BIRDNET_HEAD_SECTION_BYTES
 * @return why the head is refused, or BIRDNET_HEAD_OK
 */
birdnet_head_status_t birdnet_network_use_head(birdnet_network_t *network, const void *section,
                                               size_t section_bytes);

/** What the backbone gave to the head in the last run, BIRDNET_BACKBONE_ELEMENTS values. */
const int8_t *birdnet_network_backbone_output(const birdnet_network_t *network);

/** Address of the quantized input: BIRDNET_INPUT_ELEMENTS values in the order of the kernels. */
int8_t *birdnet_network_input(const birdnet_network_t *network);

/** Index in that order of an element of the row-major order of the model. */
uint32_t birdnet_network_input_place(uint32_t element);

/** Write the quantized input, BIRDNET_INPUT_ELEMENTS values. A run may overwrite it. */
birdnet_status_t birdnet_network_set_input(const birdnet_network_t *network, const int8_t *input);

/** Read the quantized input back, BIRDNET_INPUT_ELEMENTS values. */
birdnet_status_t birdnet_network_get_input(const birdnet_network_t *network, int8_t *input);

/** The quantized output in the arena, network.head.classes values, until the next input. */
const int8_t *birdnet_network_output(const birdnet_network_t *network);

/** The embedding in the arena, BIRDNET_EMBEDDING_ELEMENTS values, until the next input. */
const int8_t *birdnet_network_embedding(const birdnet_network_t *network);

/** Write the input, BIRDNET_INPUT_ELEMENTS real values. */
birdnet_status_t birdnet_network_quantize(const birdnet_network_t *network, const float *input);

/** Compute the quantized output from the quantized input. */
birdnet_status_t birdnet_network_invoke(const birdnet_network_t *network);

/** Write birdnet_network_output() to `output`, network.head.classes real values. */
birdnet_status_t birdnet_network_dequantize(const birdnet_network_t *network, float *output);

/** Quantize, invoke, dequantize. */
birdnet_status_t birdnet_network_run(const birdnet_network_t *network, const float *input,
                                     float *output);

#ifdef __cplusplus
}
#endif

#endif
