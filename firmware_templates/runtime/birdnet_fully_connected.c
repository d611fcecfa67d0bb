#include "birdnet_float.h"
#include "birdnet_kernels.h"

#include <stddef.h>

#if !defined(__ARM_FEATURE_MVE)

#include "birdnet_requantize.h"

#include <math.h>

birdnet_status_t birdnet_fully_connected(const birdnet_fully_connected_t *layer,
                                         const int8_t *input, int8_t *output) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const int32_t channels = layer->input_channels;
    for (int32_t r = 0; r < layer->rows; ++r) {
        const int8_t *weights = layer->weights;
        for (int32_t o = 0; o < layer->output_channels; ++o) {
            int32_t sum = layer->bias[o];
            for (int32_t c = 0; c < channels; ++c) {
                sum += weights[c] * input[c];
            }
            const int32_t scaled = (int32_t)round(layer->scales[o] * sum);
            *output++ = birdnet_clamp(scaled + layer->result.zero_point, layer->result.minimum,
                                      layer->result.maximum);
            weights += channels;
        }
        input += channels;
    }
    return BIRDNET_OK;
}

#endif
