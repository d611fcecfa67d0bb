/**
 * @file
 * Generated: windows with the expected results of each step, for the self-test.
 */
#include "birdnet_network.h" /* before the guard, to detect another network */

#ifndef BIRDNET_TEST_VECTORS_H
#define BIRDNET_TEST_VECTORS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BIRDNET_TEST_VECTOR_COUNT 2u
/** Samples of one window. */
#define BIRDNET_TEST_PCM_SAMPLES 560u
/** Number of quantized inputs of a window that may differ by 1, because they are rounded floats. */
#define BIRDNET_TEST_MAX_DIFFERING 1u

/** Outputs of the head that the network was built with. Another head gives other outputs. */
#define BIRDNET_TEST_CLASSES 4u

/** One window and its expected results. */
typedef struct {
    const int16_t *pcm;            /**< [BIRDNET_TEST_PCM_SAMPLES] */
    const int8_t *quantized_input; /**< [BIRDNET_INPUT_ELEMENTS] */
    const int8_t *backbone_output; /**< [BIRDNET_BACKBONE_ELEMENTS], for that quantized input */
    const int8_t *output;          /**< [BIRDNET_TEST_CLASSES], for that quantized input */
} birdnet_test_vector_t;

extern const birdnet_test_vector_t birdnet_test_vectors[BIRDNET_TEST_VECTOR_COUNT];

#ifdef __cplusplus
}
#endif

#endif
