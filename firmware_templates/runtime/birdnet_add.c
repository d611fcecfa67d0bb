#include "birdnet_kernels.h"

#include <stddef.h>

#if !defined(__ARM_FEATURE_MVE)

#include "birdnet_sum.h"

birdnet_status_t birdnet_add(const birdnet_add_t *layer, const int8_t *first, const int8_t *second,
                             int8_t *output) {
    if (layer == NULL || first == NULL || second == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    birdnet_sum(layer, first, second, 1, output);
    return BIRDNET_OK;
}

#endif
