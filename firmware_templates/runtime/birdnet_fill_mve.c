/* birdnet_fill() for cores with Helium. */
#include "birdnet_kernels.h"

#include <stddef.h>

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_mve.h"

birdnet_status_t birdnet_fill(const birdnet_fill_t *layer, int8_t *output) {
    if (layer == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const int8x16_t value = vdupq_n_s8((int8_t)layer->value);
    int32_t left = layer->elements;
    for (; left >= 16; left -= 16) {
        vstrbq_s8(output, value);
        output += 16;
    }
    vstrbq_p_s8(output, value, vctp8q((uint32_t)left));
    return BIRDNET_OK;
}

#endif
