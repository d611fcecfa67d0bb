/* birdnet_maximum() for cores with Helium. */
#include "birdnet_kernels.h"

#include <stddef.h>

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_extreme_mve.h"

birdnet_status_t birdnet_maximum(const birdnet_broadcast_t *shape, const int8_t *first,
                                 const int8_t *second, int8_t *output) {
    if (shape == NULL || first == NULL || second == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    birdnet_extreme(shape, first, second, true, output);
    return BIRDNET_OK;
}

#endif
