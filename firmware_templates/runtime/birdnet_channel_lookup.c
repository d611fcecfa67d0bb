#include "birdnet_kernels.h"

#include <stddef.h>

#if !defined(__ARM_FEATURE_MVE)

birdnet_status_t birdnet_channel_lookup(const birdnet_channel_lookup_t *layer, const int8_t *input,
                                        int8_t *output) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    for (int32_t p = 0; p < layer->pixels; ++p) {
        const int8_t *zero = layer->tables - INT8_MIN;
        for (int32_t c = 0; c < layer->channels; ++c) {
            output[c * layer->channel_stride] = zero[input[c]];
            zero += 256;
        }
        input += layer->channels;
        output += layer->pixel_stride;
    }
    return BIRDNET_OK;
}

#endif
