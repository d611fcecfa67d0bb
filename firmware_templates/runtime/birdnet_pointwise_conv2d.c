#include "birdnet_kernels.h"
#include "birdnet_requantize.h"

#include <stddef.h>

birdnet_status_t birdnet_pointwise_conv2d(const birdnet_pointwise_conv2d_t *layer,
                                          const int8_t *input, int8_t *output) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const int32_t channels = layer->input_channels;
    for (int32_t p = 0; p < layer->pixels; ++p) {
        const int8_t *weights = layer->weights;
        for (int32_t o = 0; o < layer->output_channels; ++o) {
            int32_t sum = layer->bias[o];
            for (int32_t c = 0; c < channels; ++c) {
                sum += weights[c] * input[c];
            }
            const int32_t scaled = birdnet_requantize(sum, layer->multipliers[o], layer->shifts[o]);
            *output++ = birdnet_clamp(scaled + layer->result.zero_point, layer->result.minimum,
                                      layer->result.maximum);
            weights += channels;
        }
        input += channels;
    }
    return BIRDNET_OK;
}
