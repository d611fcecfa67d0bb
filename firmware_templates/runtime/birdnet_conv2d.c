#include "birdnet_kernels.h"

#include <stdbool.h>
#include <stddef.h>

#if !defined(__ARM_FEATURE_MVE)

#include "birdnet_requantize.h"
#include "birdnet_window.h"

/** Where the window of a pixel lies. */
typedef struct {
    birdnet_taps_t rows;
    birdnet_taps_t columns;
} place_t;

/** Sum over a window that lies inside as a whole and begins at `input`, for two output channels. */
static void accumulate_whole(const birdnet_conv2d_t *layer, const int8_t *input,
                             const int8_t *weights, int32_t filter, int32_t sums[2]) {
    const int32_t run = layer->window.width * layer->input.channels;
    const int32_t next_row = layer->input.width * layer->input.channels;
    int32_t first = sums[0];
    int32_t second = sums[1];
    for (int32_t i = 0; i < layer->window.height; ++i) {
        for (int32_t k = 0; k < run; ++k) {
            first += weights[k] * input[k];
            second += weights[filter + k] * input[k];
        }
        weights += run;
        input += next_row;
    }
    sums[0] = first;
    sums[1] = second;
}

/** Sum over any window, for one output channel; what lies outside counts as the zero point. */
static int32_t accumulate(const birdnet_conv2d_t *layer, const int8_t *input, const int8_t *weights,
                          place_t at) {
    const int32_t channels = layer->input.channels;
    int32_t sum = 0;
    for (int32_t i = 0; i < layer->window.height; ++i) {
        for (int32_t j = 0; j < layer->window.width; ++j) {
            const bool inside = i >= at.rows.first && i < at.rows.end && j >= at.columns.first &&
                                j < at.columns.end;
            const int32_t row = at.rows.origin + i;
            const int32_t pixel = row * layer->input.width + at.columns.origin + j;
            for (int32_t c = 0; c < channels; ++c) {
                sum +=
                    *weights++ * (inside ? input[pixel * channels + c] : layer->input_zero_point);
            }
        }
    }
    return sum;
}

static int8_t finish(const birdnet_conv2d_t *layer, int32_t sum, int32_t channel) {
    const int32_t scaled =
        birdnet_requantize(sum, layer->multipliers[channel], layer->shifts[channel]);
    return birdnet_clamp(scaled + layer->result.zero_point, layer->result.minimum,
                         layer->result.maximum);
}

/** All output channels of one pixel. */
static void one_pixel(const birdnet_conv2d_t *layer, const int8_t *input, place_t at,
                      int8_t *output) {
    const birdnet_window_t *window = &layer->window;
    const int32_t filter = birdnet_filter_stride(window, layer->input.channels);
    const bool whole = at.rows.end - at.rows.first == window->height &&
                       at.columns.end - at.columns.first == window->width;
    const int32_t pixel = at.rows.origin * layer->input.width + at.columns.origin;
    for (int32_t o = 0; o < layer->output.channels; o += 2) {
        const int8_t *weights = layer->weights + o * filter;
        int32_t sums[2] = {layer->bias[o], layer->bias[o + 1]};
        if (whole) {
            accumulate_whole(layer, input + pixel * layer->input.channels, weights, filter, sums);
        } else {
            sums[0] += accumulate(layer, input, weights, at);
            sums[1] += accumulate(layer, input, weights + filter, at);
        }
        output[o] = finish(layer, sums[0], o);
        if (o + 1 < layer->output.channels) {
            output[o + 1] = finish(layer, sums[1], o + 1);
        }
    }
}

birdnet_status_t birdnet_conv2d(const birdnet_conv2d_t *layer, const int8_t *input,
                                int8_t *output) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const birdnet_window_t *window = &layer->window;
    for (int32_t y = 0; y < layer->output.height; ++y) {
        place_t at;
        at.rows = birdnet_taps(y, window->stride_height, window->pad_top, window->height,
                               layer->input.height);
        for (int32_t x = 0; x < layer->output.width; ++x) {
            at.columns = birdnet_taps(x, window->stride_width, window->pad_left, window->width,
                                      layer->input.width);
            one_pixel(layer, input, at, output);
            output += layer->output.channels;
        }
    }
    return BIRDNET_OK;
}

#endif
