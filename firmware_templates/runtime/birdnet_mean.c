#include "birdnet_kernels.h"

#include <stddef.h>

#if !defined(__ARM_FEATURE_MVE)

#include "birdnet_requantize.h"

birdnet_status_t birdnet_mean(const birdnet_mean_t *layer, const int8_t *input, int8_t *output) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    for (int32_t a = 0; a < layer->outer; ++a) {
        for (int32_t c = 0; c < layer->inner; ++c) {
            const int8_t *x = input + c;
            int32_t sum = layer->offset;
            for (int32_t b = 0; b < layer->reduced; ++b) {
                sum += *x;
                x += layer->inner;
            }
            const int32_t scaled =
                birdnet_requantize(sum, layer->scale.multiplier, layer->scale.shift);
            *output++ = birdnet_clamp(scaled + layer->result.zero_point, layer->result.minimum,
                                      layer->result.maximum);
        }
        input += layer->reduced * layer->inner;
    }
    return BIRDNET_OK;
}

#endif
