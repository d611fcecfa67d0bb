#include "birdnet_kernels.h"

#include <stddef.h>

#if !defined(__ARM_FEATURE_MVE)

birdnet_status_t birdnet_fill(const birdnet_fill_t *layer, int8_t *output) {
    if (layer == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    for (int32_t i = 0; i < layer->elements; ++i) {
        output[i] = (int8_t)layer->value;
    }
    return BIRDNET_OK;
}

#endif
