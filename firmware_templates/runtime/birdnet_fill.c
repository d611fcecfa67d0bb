#include "birdnet_kernels.h"

#include <stddef.h>
#include <string.h>

#if !defined(__ARM_FEATURE_MVE)

birdnet_status_t birdnet_fill(const birdnet_fill_t *layer, int8_t *output) {
    if (layer == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    /* Four bytes at a time, because memset() of small C libraries fills byte by byte. */
    const uint32_t four = (uint8_t)layer->value * UINT32_C(0x01010101);
    int32_t left = layer->elements;
    for (; left >= 4; left -= 4) {
        memcpy(output, &four, sizeof four);
        output += 4;
    }
    for (; left > 0; --left) {
        *output++ = (int8_t)layer->value;
    }
    return BIRDNET_OK;
}

#endif
