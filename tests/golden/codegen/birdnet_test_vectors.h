/**
 * @file
 * Generated: windows with what every stage must make of them, for the self-test.
 */
#ifndef BIRDNET_TEST_VECTORS_H
#define BIRDNET_TEST_VECTORS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BIRDNET_TEST_VECTOR_COUNT 2u
/** Samples of one window. */
#define BIRDNET_TEST_PCM_SAMPLES 560u
/** Features kept of each window: every BIRDNET_TEST_FEATURE_STRIDE-th, to save flash. */
#define BIRDNET_TEST_FEATURE_SAMPLES 35u
#define BIRDNET_TEST_FEATURE_STRIDE 1u
/** Largest allowed difference of a feature, as a part of the window's largest feature. */
#define BIRDNET_TEST_FEATURE_TOLERANCE 1e-04f

/** One window and its expectations. */
typedef struct {
    const int16_t *pcm;            /**< [BIRDNET_TEST_PCM_SAMPLES] */
    const float *features;         /**< [BIRDNET_TEST_FEATURE_SAMPLES] */
    const int8_t *quantized_input; /**< [BIRDNET_INPUT_ELEMENTS] */
    const int8_t *output;          /**< [BIRDNET_OUTPUT_ELEMENTS], of that quantized input */
} birdnet_test_vector_t;

extern const birdnet_test_vector_t birdnet_test_vectors[BIRDNET_TEST_VECTOR_COUNT];

#ifdef __cplusplus
}
#endif

#endif
