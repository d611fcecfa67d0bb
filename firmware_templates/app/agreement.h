/* How well the network's outputs agree with those stored, where they cannot be equal bit by bit. */
#ifndef AGREEMENT_H
#define AGREEMENT_H

#include <stdbool.h>
#include <stdint.h>

/* Limits of what still counts as the same network. */
#define AGREEMENT_MIN_COSINE 0.99f
#define AGREEMENT_MAX_MEAN_ERROR (1.0f / 256.0f)

typedef struct {
    float cosine;     /* of the angle between the two vectors; 1 if both are zero */
    float mean_error; /* mean absolute difference */
    uint32_t top;     /* index of the largest value, the first of equal ones */
    uint32_t expected_top;
} agreement_t;

/* Compares `count` probabilities. */
agreement_t agreement_of(const float *actual, const float *expected, uint32_t count);

/* Within the limits and with the same largest value. Not-a-number never is. */
bool agreement_suffices(const agreement_t *agreement);

#endif
