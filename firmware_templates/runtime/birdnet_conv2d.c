#include "birdnet_kernels.h"

#include <stdbool.h>
#include <stddef.h>

#if !defined(__ARM_FEATURE_MVE)

#include "birdnet_requantize.h"
#include "birdnet_window.h"

/** Position of the window of a pixel. */
typedef struct {
    birdnet_taps_t rows;
    birdnet_taps_t columns;
} place_t;

/** Number of output channels that share one load of the input. */
enum { FILTERS = 4 };

/** Sums over a window that lies completely inside and begins at `input`, for four filters. If there
 * are fewer filters, the last one is repeated. */
static void accumulate_whole(const birdnet_conv2d_t *layer, const int8_t *input,
                             const int8_t *weights, int32_t filter, int32_t count,
                             int32_t sums[FILTERS]) {
    const int32_t run = layer->window.width * layer->input.channels;
    const int32_t next_row = (layer->input.width - layer->window.width) * layer->input.channels;
    const int8_t *w0 = weights;
    const int8_t *w1 = w0 + (count > 1 ? filter : 0);
    const int8_t *w2 = w1 + (count > 2 ? filter : 0);
    const int8_t *w3 = w2 + (count > 3 ? filter : 0);
    int32_t s0 = 0;
    int32_t s1 = 0;
    int32_t s2 = 0;
    int32_t s3 = 0;
    for (int32_t rows = layer->window.height; rows > 0; --rows) {
        for (const int8_t *end = input + run; input < end;) {
            const int32_t x = *input++;
            s0 += *w0++ * x;
            s1 += *w1++ * x;
            s2 += *w2++ * x;
            s3 += *w3++ * x;
        }
        input += next_row;
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

/** Sum over any window for one output channel. Values outside of the input count as the zero point.
 */
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
    const int32_t scaled = birdnet_requantize(layer->bias[channel] + sum,
                                              layer->multipliers[channel], layer->shifts[channel]);
    return birdnet_clamp(scaled + layer->result.zero_point, layer->result.minimum,
                         layer->result.maximum);
}

/** All output channels of a pixel whose window lies completely inside and begins at `input`. */
static void whole_pixel(const birdnet_conv2d_t *layer, const int8_t *input, int8_t *output) {
    const int32_t outputs = layer->output.channels;
    const int32_t filter = birdnet_filter_stride(&layer->window, layer->input.channels);
    for (int32_t o = 0; o < outputs; o += FILTERS) {
        const int32_t count = outputs - o < FILTERS ? outputs - o : FILTERS;
        int32_t sums[FILTERS];
        accumulate_whole(layer, input, layer->weights + o * filter, filter, count, sums);
        for (int32_t i = 0; i < count; ++i) {
            output[o + i] = finish(layer, sums[i], o + i);
        }
    }
}

/** All output channels of any pixel. */
static void any_pixel(const birdnet_conv2d_t *layer, const int8_t *input, place_t at,
                      int8_t *output) {
    const int32_t filter = birdnet_filter_stride(&layer->window, layer->input.channels);
    for (int32_t o = 0; o < layer->output.channels; ++o) {
        output[o] = finish(layer, accumulate(layer, input, layer->weights + o * filter, at), o);
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
            if (at.rows.end - at.rows.first == window->height &&
                at.columns.end - at.columns.first == window->width) {
                const int32_t pixel = at.rows.origin * layer->input.width + at.columns.origin;
                whole_pixel(layer, input + pixel * layer->input.channels, output);
            } else {
                any_pixel(layer, input, at, output);
            }
            output += layer->output.channels;
        }
    }
    return BIRDNET_OK;
}

#endif
