#include "birdnet_kernels.h"
#include "birdnet_requantize.h"
#include "birdnet_window.h"

#include <stddef.h>

/** Sum over the part of the window that lies inside the input, for one output channel. */
static int32_t accumulate(const birdnet_depthwise_conv2d_t *layer, const int8_t *input,
                          const int8_t *weights, birdnet_taps_t rows, birdnet_taps_t columns) {
    const int32_t input_channels = layer->input.channels;
    const int32_t output_channels = layer->output.channels;
    const int32_t zero_point = layer->input_zero_point;
    int32_t sum = 0;
    for (int32_t i = rows.first; i < rows.end; ++i) {
        const int32_t row = (rows.origin + i) * layer->input.width + columns.origin + columns.first;
        const int8_t *x = input + row * input_channels;
        const int8_t *w = weights + (i * layer->window.width + columns.first) * output_channels;
        for (int32_t j = columns.first; j < columns.end; ++j) {
            sum += (*x - zero_point) * *w;
            x += input_channels;
            w += output_channels;
        }
    }
    return sum;
}

birdnet_status_t birdnet_depthwise_conv2d(const birdnet_depthwise_conv2d_t *layer,
                                          const int8_t *input, int8_t *output) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const birdnet_window_t *window = &layer->window;
    for (int32_t y = 0; y < layer->output.height; ++y) {
        const birdnet_taps_t rows = birdnet_taps(y, window->stride_height, window->pad_top,
                                                 window->height, layer->input.height);
        for (int32_t x = 0; x < layer->output.width; ++x) {
            const birdnet_taps_t columns = birdnet_taps(x, window->stride_width, window->pad_left,
                                                        window->width, layer->input.width);
            int32_t o = 0;
            for (int32_t c = 0; c < layer->input.channels; ++c) {
                for (int32_t m = 0; m < layer->depth_multiplier; ++m, ++o) {
                    const int32_t sum =
                        layer->bias[o] +
                        accumulate(layer, input + c, layer->weights + o, rows, columns);
                    const int32_t scaled =
                        birdnet_requantize(sum, layer->multipliers[o], layer->shifts[o]);
                    *output++ = birdnet_clamp(scaled + layer->result.zero_point,
                                              layer->result.minimum, layer->result.maximum);
                }
            }
        }
    }
    return BIRDNET_OK;
}
