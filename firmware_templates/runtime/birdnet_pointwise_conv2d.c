#include "birdnet_kernels.h"

#include <stddef.h>

#if !defined(__ARM_FEATURE_MVE)

#include "birdnet_convolution_of.h"
#include "birdnet_requantize.h"

#include <stdbool.h>

/** Two pixels and two rows of weights at once, so that four products need four loads. */
static void multiply(const int8_t *first_input, const int8_t *second_input,
                     const int8_t *first_weights, const int8_t *second_weights, int32_t channels,
                     int32_t sums[4]) {
    int32_t s00 = sums[0];
    int32_t s01 = sums[1];
    int32_t s10 = sums[2];
    int32_t s11 = sums[3];
    for (int32_t c = 0; c < channels; ++c) {
        const int32_t x0 = first_input[c];
        const int32_t x1 = second_input[c];
        const int32_t w0 = first_weights[c];
        const int32_t w1 = second_weights[c];
        s00 += x0 * w0;
        s01 += x0 * w1;
        s10 += x1 * w0;
        s11 += x1 * w1;
    }
    sums[0] = s00;
    sums[1] = s01;
    sums[2] = s10;
    sums[3] = s11;
}

/** The activation that is added to the result of a convolution. */
typedef struct {
    const birdnet_pointwise_conv2d_add_t *layer; /**< NULL if nothing is added */
    const int8_t *other;
} addend_t;

static int8_t plus(const birdnet_pointwise_conv2d_add_t *layer, int8_t own, int8_t other) {
    const int32_t fraction = INT32_C(1) << 20;
    const int32_t first = birdnet_requantize((own - layer->result.zero_point) * fraction,
                                             layer->own_scale.multiplier, layer->own_scale.shift);
    const int32_t second =
        birdnet_requantize((other - layer->other_zero_point) * fraction,
                           layer->other_scale.multiplier, layer->other_scale.shift);
    const int32_t sum =
        birdnet_requantize(first + second, layer->sum_scale.multiplier, layer->sum_scale.shift);
    return birdnet_clamp(sum + layer->sum.zero_point, layer->sum.minimum, layer->sum.maximum);
}

static void finish(const birdnet_pointwise_conv2d_t *layer, addend_t addend, int32_t sum,
                   int32_t row, int32_t pixel, int8_t *output) {
    const int32_t scaled = birdnet_requantize(sum, layer->multipliers[row], layer->shifts[row]);
    const int32_t at = pixel * layer->output_channels + row;
    const int8_t own = birdnet_clamp(scaled + layer->result.zero_point, layer->result.minimum,
                                     layer->result.maximum);
    output[at] = addend.layer == NULL ? own : plus(addend.layer, own, addend.other[at]);
}

static void convolve(const birdnet_pointwise_conv2d_t *layer, addend_t addend, const int8_t *input,
                     int8_t *output) {
    const int32_t channels = layer->input_channels;
    const int32_t outputs = layer->output_channels;
    for (int32_t p = 0; p < layer->pixels; p += 2) {
        const bool pair = p + 1 < layer->pixels;
        const int8_t *first = input + p * channels;
        const int8_t *second = pair ? first + channels : first;
        for (int32_t o = 0; o < outputs; o += 2) {
            const int8_t *weights = layer->weights + o * channels;
            const int32_t bias = layer->bias[o];
            const int32_t next_bias = layer->bias[o + 1];
            int32_t sums[4] = {bias, next_bias, bias, next_bias};
            multiply(first, second, weights, weights + channels, channels, sums);
            finish(layer, addend, sums[0], o, p, output);
            if (o + 1 < outputs) {
                finish(layer, addend, sums[1], o + 1, p, output);
            }
            if (pair) {
                finish(layer, addend, sums[2], o, p + 1, output);
            }
            if (pair && o + 1 < outputs) {
                finish(layer, addend, sums[3], o + 1, p + 1, output);
            }
        }
    }
}

birdnet_status_t birdnet_pointwise_conv2d(const birdnet_pointwise_conv2d_t *layer,
                                          const int8_t *input, int8_t *output) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    convolve(layer, (addend_t){NULL, NULL}, input, output);
    return BIRDNET_OK;
}

birdnet_status_t birdnet_pointwise_conv2d_add(const birdnet_pointwise_conv2d_add_t *layer,
                                              const int8_t *input, const int8_t *other,
                                              int8_t *output) {
    if (layer == NULL || input == NULL || other == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const birdnet_pointwise_conv2d_t convolution = birdnet_convolution_of(layer);
    convolve(&convolution, (addend_t){layer, other}, input, output);
    return BIRDNET_OK;
}

#endif
