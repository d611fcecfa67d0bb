#include "birdnet_kernels.h"

#include <stdbool.h>
#include <stddef.h>

#if !defined(__ARM_FEATURE_MVE)

#include "birdnet_requantize.h"
#include "birdnet_window.h"

/** One channel of a row of the output. */
typedef struct {
    const birdnet_depthwise_conv2d_t *layer;
    birdnet_taps_t rows;
    int32_t channel;       /**< of the output */
    int32_t bias;          /**< bias that includes the rows of the window outside of the input */
    const int8_t *input;   /**< column 0 of the first row of the window inside the input */
    const int8_t *weights; /**< first row of the window inside the input */
    int8_t *output;        /**< of pixel 0 */
} strip_t;

static void finish(const strip_t *strip, int32_t sum, int32_t x) {
    const birdnet_depthwise_conv2d_t *layer = strip->layer;
    const int32_t scaled =
        birdnet_requantize(sum, layer->multipliers[strip->channel], layer->shifts[strip->channel]);
    strip->output[x * layer->output.channels] = birdnet_clamp(
        scaled + layer->result.zero_point, layer->result.minimum, layer->result.maximum);
}

/** One pixel at any position. Values outside of the input count as the zero point, which the bias
 * subtracts. */
static void one_pixel(const strip_t *strip, int32_t x) {
    const birdnet_depthwise_conv2d_t *layer = strip->layer;
    const birdnet_window_t *window = &layer->window;
    const birdnet_taps_t columns =
        birdnet_taps(x, window->stride_width, window->pad_left, window->width, layer->input.width);
    const int8_t *weights = strip->weights;
    int32_t origin = columns.origin * layer->input.channels;
    int32_t sum = strip->bias;
    for (int32_t i = strip->rows.first; i < strip->rows.end; ++i) {
        for (int32_t j = 0; j < window->width; ++j) {
            const bool inside = j >= columns.first && j < columns.end;
            sum += *weights * (inside ? strip->input[origin + j * layer->input.channels]
                                      : layer->input_zero_point);
            weights += BIRDNET_DEPTHWISE_LANES;
        }
        origin += layer->input.width * layer->input.channels;
    }
    finish(strip, sum, x);
}

/** Pixels x to x + 2, whose windows lie completely inside. Each weight is loaded once for three
 * pixels. */
static void three_pixels(const strip_t *strip, int32_t x) {
    const birdnet_depthwise_conv2d_t *layer = strip->layer;
    const int32_t step = layer->input.channels;
    const int32_t next = layer->window.stride_width * step;
    const int8_t *input = strip->input + x * next - layer->window.pad_left * step;
    const int8_t *weights = strip->weights;
    int32_t first = strip->bias;
    int32_t second = strip->bias;
    int32_t third = strip->bias;
    for (int32_t i = strip->rows.first; i < strip->rows.end; ++i) {
        const int8_t *value = input;
        for (int32_t j = 0; j < layer->window.width; ++j) {
            const int32_t weight = *weights;
            first += weight * value[0];
            second += weight * value[next];
            third += weight * value[2 * next];
            weights += BIRDNET_DEPTHWISE_LANES;
            value += step;
        }
        input += layer->input.width * step;
    }
    finish(strip, first, x);
    finish(strip, second, x + 1);
    finish(strip, third, x + 2);
}

birdnet_status_t birdnet_depthwise_conv2d(const birdnet_depthwise_conv2d_t *layer,
                                          const int8_t *input, int8_t *output) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const birdnet_window_t *window = &layer->window;
    const int32_t outputs = layer->output.channels;
    const int32_t row_elements = layer->input.width * layer->input.channels;
    const int32_t taps = window->height * window->width;
    const birdnet_inside_t inside =
        birdnet_inside(window->stride_width, window->pad_left, window->width, layer->input.width);
    for (int32_t y = 0; y < layer->output.height; ++y) {
        const birdnet_taps_t rows = birdnet_taps(y, window->stride_height, window->pad_top,
                                                 window->height, layer->input.height);
        for (int32_t o = 0; o < outputs; ++o) {
            const int32_t lane = o % BIRDNET_DEPTHWISE_LANES;
            const int8_t *weights = layer->weights + (o - lane) * taps + lane;
            strip_t strip = {
                .layer = layer,
                .rows = rows,
                .channel = o,
                .bias = layer->bias[o],
                .input =
                    input + (rows.origin + rows.first) * row_elements + o / layer->depth_multiplier,
                .weights = weights + rows.first * window->width * BIRDNET_DEPTHWISE_LANES,
                .output = output + o,
            };
            for (int32_t k = 0; k < taps; ++k) {
                if (k < rows.first * window->width || k >= rows.end * window->width) {
                    strip.bias += weights[k * BIRDNET_DEPTHWISE_LANES] * layer->input_zero_point;
                }
            }
            for (int32_t x = 0; x < layer->output.width;) {
                if (x >= inside.first && x + 3 <= inside.end) {
                    three_pixels(&strip, x);
                    x += 3;
                } else {
                    one_pixel(&strip, x);
                    x += 1;
                }
            }
        }
        output += layer->output.width * outputs;
    }
    return BIRDNET_OK;
}

#endif
