#include "birdnet_kernels.h"

#include <stddef.h>

#if !defined(__ARM_FEATURE_MVE)

birdnet_status_t birdnet_lookup(const birdnet_lookup_t *layer, const int8_t *input,
                                int8_t *output) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const int8_t *zero = layer->table - INT8_MIN;
    for (int32_t i = 0; i < layer->elements; ++i) {
        output[i] = zero[input[i]];
    }
    return BIRDNET_OK;
}

#endif
