#include "agreement.h"

#include <math.h>

static uint32_t largest(const float *values, uint32_t count) {
    uint32_t found = 0;
    for (uint32_t i = 1; i < count; ++i) {
        if (values[i] > values[found]) {
            found = i;
        }
    }
    return found;
}

agreement_t agreement_of(const float *actual, const float *expected, uint32_t count) {
    float product = 0.0f;
    float actual_square = 0.0f;
    float expected_square = 0.0f;
    float error = 0.0f;
    for (uint32_t i = 0; i < count; ++i) {
        product += actual[i] * expected[i];
        actual_square += actual[i] * actual[i];
        expected_square += expected[i] * expected[i];
        error += fabsf(actual[i] - expected[i]);
    }
    const bool both_zero = actual_square == 0.0f && expected_square == 0.0f;
    return (agreement_t){
        .cosine = both_zero ? 1.0f : product / (sqrtf(actual_square) * sqrtf(expected_square)),
        .mean_error = error / (float)count,
        .top = largest(actual, count),
        .expected_top = largest(expected, count),
    };
}

bool agreement_suffices(const agreement_t *agreement) {
    return agreement->cosine >= AGREEMENT_MIN_COSINE &&
           agreement->mean_error <= AGREEMENT_MAX_MEAN_ERROR &&
           agreement->top == agreement->expected_top;
}
