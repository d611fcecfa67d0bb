#include "birdnet_kernels.h"

#include <stddef.h>

#if !defined(__ARM_FEATURE_MVE)

#include "birdnet_requantize.h"
#include "birdnet_window.h"

/** Mean of one channel over the given taps. */
static int32_t average(const birdnet_pool_t *layer, const int8_t *input, birdnet_taps_t rows,
                       birdnet_taps_t columns) {
    const int32_t channels = layer->input.channels;
    int32_t sum = 0;
    for (int32_t i = rows.first; i < rows.end; ++i) {
        const int32_t row = (rows.origin + i) * layer->input.width + columns.origin + columns.first;
        const int8_t *x = input + row * channels;
        for (int32_t j = columns.first; j < columns.end; ++j) {
            sum += *x;
            x += channels;
        }
    }
    const int32_t count = (rows.end - rows.first) * (columns.end - columns.first);
    return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

birdnet_status_t birdnet_average_pool(const birdnet_pool_t *layer, const int8_t *input,
                                      int8_t *output) {
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
            for (int32_t c = 0; c < layer->output.channels; ++c) {
                *output++ = birdnet_clamp(average(layer, input + c, rows, columns), layer->minimum,
                                          layer->maximum);
            }
        }
    }
    return BIRDNET_OK;
}

#endif
