/* Measures how well the outputs of the network agree with the stored ones, for hardware on which
 * they cannot be equal bit by bit. */
#ifndef AGREEMENT_H
#define AGREEMENT_H

#include <stdbool.h>
#include <stdint.h>

/* Within these limits two results count as those of the same network. */
#define AGREEMENT_MIN_COSINE 0.99f
#define AGREEMENT_MAX_MEAN_ERROR (1.0f / 256.0f)

typedef struct {
    float cosine;     /* cosine of the angle between the vectors; 1 if both are zero */
    float mean_error; /* mean absolute difference */
    uint32_t top;     /* index of the largest value; the first one if several are equal */
    uint32_t expected_top;
} agreement_t;

/* Compares `count` probabilities. */
agreement_t agreement_of(const float *actual, const float *expected, uint32_t count);

/* Returns whether the values are within the limits and have the same largest value. The result is
 * false if a value is not-a-number. */
bool agreement_suffices(const agreement_t *agreement);

#endif
