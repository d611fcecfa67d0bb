/* birdnet_depthwise_conv2d() for cores with Helium. */
#include "birdnet_kernels.h"

#include <stdbool.h>
#include <stddef.h>

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_mve.h"
#include "birdnet_window.h"

/* Four channels share a vector. Pixels are computed in threes where whole windows lie inside, so
 * that each weight is loaded once for three and neighbours share the columns of the input. */
enum { LANES = 4, PIXELS = 3 };

#define KERNEL static __attribute__((noinline)) void
#define INLINE static inline __attribute__((always_inline))

/** Four channels of a row of the output. */
typedef struct {
    const birdnet_depthwise_conv2d_t *layer;
    birdnet_rounding_t rounding;
    int32_t first;        /**< the first of the output channels */
    mve_pred16_t lanes;   /**< those that exist */
    int32_t channel;      /**< of the input, for the first */
    uint32x4_t offsets;   /**< of their input channels */
    int32x4_t plain_bias; /**< for input values less the zero point */
    int32x4_t bias;       /**< for input values, with the rows of the window that lie outside */
    birdnet_taps_t rows;
    const int8_t *input; /**< the window's first row inside, column 0 */
    int8_t *output;      /**< of pixel 0 */
} strip_t;

/** Sum of the weights in some rows of the window. */
static int32x4_t sum_of_weights(const strip_t *strip, int32_t row, int32_t end) {
    const birdnet_depthwise_conv2d_t *layer = strip->layer;
    const int32_t step = layer->output.channels;
    const int8_t *weights = layer->weights + row * layer->window.width * step + strip->first;
    int32x4_t sum = vdupq_n_s32(0);
    for (int32_t taps = (end - row) * layer->window.width; taps > 0; --taps) {
        sum = vaddq_s32(sum, vldrbq_z_s32(weights, strip->lanes));
        weights += step;
    }
    return sum;
}

/** Any one pixel, from the part of its window that lies inside. */
KERNEL one_pixel(const strip_t *strip, int32_t x) {
    const birdnet_depthwise_conv2d_t *layer = strip->layer;
    const birdnet_window_t *window = &layer->window;
    const birdnet_taps_t columns =
        birdnet_taps(x, window->stride_width, window->pad_left, window->width, layer->input.width);
    const mve_pred16_t lanes = strip->lanes;
    const uint32x4_t offsets = strip->offsets;
    const int32_t zero_point = layer->input_zero_point;
    const int32_t step = layer->input.channels;
    const int32_t weight_step = layer->output.channels;
    const int8_t *input = strip->input + (columns.origin + columns.first) * step;
    const int8_t *weights = layer->weights + strip->first +
                            (strip->rows.first * window->width + columns.first) * weight_step;
    int32x4_t sum = strip->plain_bias;
    for (int32_t i = strip->rows.end - strip->rows.first; i > 0; --i) {
        const int8_t *value = input;
        const int8_t *weight = weights;
        for (int32_t j = columns.end - columns.first; j > 0; --j) {
            const int32x4_t v = vldrbq_gather_offset_z_s32(value, offsets, lanes);
            const int32x4_t w = vldrbq_z_s32(weight, lanes);
            sum = vaddq_s32(sum, vmulq_s32(vsubq_n_s32(v, zero_point), w));
            value += step;
            weight += weight_step;
        }
        input += layer->input.width * step;
        weights += window->width * weight_step;
    }
    sum = birdnet_requantize_x4(sum, vldrwq_s32(layer->multipliers + strip->first),
                                vldrbq_s32(layer->shifts + strip->first), strip->rounding);
    vstrbq_p_s32(strip->output + x * weight_step, birdnet_clamp_x4(sum, layer->result), lanes);
}

/** Pixels x to end - 1, at least three: windows of 3 columns, all inside, channels as in the input.
 */
INLINE void three_columns(const strip_t *strip, int32_t x, int32_t end, int32_t stride,
                          birdnet_rounding_t rounding) {
    const birdnet_depthwise_conv2d_t *layer = strip->layer;
    const birdnet_output_t result = layer->result;
    const int32x4_t multiplier = vldrwq_s32(layer->multipliers + strip->first);
    const int32x4_t shift = vldrbq_s32(layer->shifts + strip->first);
    const int32x4_t bias = strip->bias;
    const int32_t step = layer->input.channels;
    const int32_t next_row = layer->input.width * step;
    const int32_t all_rows = strip->rows.end - strip->rows.first;
    const int8_t *const input = strip->input - layer->window.pad_left * step;
    const int8_t *const weights = layer->weights + strip->rows.first * 3 * step + strip->first;
    int8_t *const output = strip->output;
#pragma GCC unroll 1
    do {
        const int32_t pixel = x + PIXELS <= end ? x : end - PIXELS;
        const int8_t *value_row = input + pixel * stride * step;
        const int8_t *weight = weights;
        int32x4_t s0 = bias;
        int32x4_t s1 = bias;
        int32x4_t s2 = bias;
        int32_t rows = all_rows;
#pragma GCC unroll 1
        do {
            const int32x4_t w0 = vldrbq_s32(weight);
            weight += step;
            const int32x4_t w1 = vldrbq_s32(weight);
            weight += step;
            const int32x4_t w2 = vldrbq_s32(weight);
            weight += step;
            const int8_t *value = value_row;
#pragma GCC unroll 8
            for (int32_t column = 0; column < 2 * stride + 3; ++column) {
                const int32x4_t v = vldrbq_s32(value);
                value += step;
                if (column < 3) {
                    s0 = vaddq_s32(s0, vmulq_s32(v, column == 0 ? w0 : column == 1 ? w1 : w2));
                }
                if (column >= stride && column < stride + 3) {
                    s1 = vaddq_s32(s1, vmulq_s32(v, column == stride       ? w0
                                                    : column == stride + 1 ? w1
                                                                           : w2));
                }
                if (column >= 2 * stride) {
                    s2 = vaddq_s32(s2, vmulq_s32(v, column == 2 * stride       ? w0
                                                    : column == 2 * stride + 1 ? w1
                                                                               : w2));
                }
            }
            value_row += next_row;
        } while (--rows > 0);
        int8_t *to = output + pixel * step;
        s0 = birdnet_requantize_x4(s0, multiplier, shift, rounding);
        s1 = birdnet_requantize_x4(s1, multiplier, shift, rounding);
        s2 = birdnet_requantize_x4(s2, multiplier, shift, rounding);
        vstrbq_s32(to, birdnet_clamp_x4(s0, result));
        vstrbq_s32(to + step, birdnet_clamp_x4(s1, result));
        vstrbq_s32(to + 2 * step, birdnet_clamp_x4(s2, result));
        x += PIXELS;
    } while (x < end);
}

KERNEL stride_1_rectified(const strip_t *strip, int32_t x, int32_t end) {
    three_columns(strip, x, end, 1, BIRDNET_ROUNDING_RECTIFIED);
}

KERNEL stride_2_rectified(const strip_t *strip, int32_t x, int32_t end) {
    three_columns(strip, x, end, 2, BIRDNET_ROUNDING_RECTIFIED);
}

KERNEL stride_1(const strip_t *strip, int32_t x, int32_t end) {
    three_columns(strip, x, end, 1, strip->rounding);
}

KERNEL stride_2(const strip_t *strip, int32_t x, int32_t end) {
    three_columns(strip, x, end, 2, strip->rounding);
}

static void all_pixels(const strip_t *strip) {
    const birdnet_depthwise_conv2d_t *layer = strip->layer;
    const birdnet_window_t *window = &layer->window;
    const birdnet_inside_t inside =
        birdnet_inside(window->stride_width, window->pad_left, window->width, layer->input.width);
    const bool fast =
        window->width == 3 && window->stride_width <= 2 && layer->depth_multiplier == 1 &&
        strip->first + LANES <= layer->output.channels && inside.end - inside.first >= PIXELS;
    const int32_t first = fast ? inside.first : layer->output.width;
    for (int32_t x = 0; x < first; ++x) {
        one_pixel(strip, x);
    }
    if (fast) {
        const bool rectified = strip->rounding == BIRDNET_ROUNDING_RECTIFIED;
        if (window->stride_width == 1) {
            (rectified ? stride_1_rectified : stride_1)(strip, first, inside.end);
        } else {
            (rectified ? stride_2_rectified : stride_2)(strip, first, inside.end);
        }
        for (int32_t x = inside.end; x < layer->output.width; ++x) {
            one_pixel(strip, x);
        }
    }
}

/** Turn to output channels `first` to `first` + 3. */
static void begin_channels(strip_t *strip, int32_t first) {
    const birdnet_depthwise_conv2d_t *layer = strip->layer;
    uint32_t offsets[LANES];
    for (int32_t i = 0; i < LANES; ++i) {
        offsets[i] = (uint32_t)((first + i) / layer->depth_multiplier);
    }
    strip->first = first;
    strip->lanes = vctp32q((uint32_t)(layer->output.channels - first));
    strip->channel = (int32_t)offsets[0];
    strip->offsets = vsubq_n_u32(vldrwq_u32(offsets), offsets[0]);
    strip->plain_bias =
        vmlaq_n_s32(vldrwq_s32(layer->bias + first), sum_of_weights(strip, 0, layer->window.height),
                    layer->input_zero_point);
}

static void compute_row(strip_t *strip, const int8_t *input, int8_t *output, int32_t y) {
    const birdnet_depthwise_conv2d_t *layer = strip->layer;
    const birdnet_window_t *window = &layer->window;
    const birdnet_taps_t rows = birdnet_taps(y, window->stride_height, window->pad_top,
                                             window->height, layer->input.height);
    const int32_t row = (rows.origin + rows.first) * layer->input.width;
    strip->rows = rows;
    strip->input = input + row * layer->input.channels + strip->channel;
    strip->output = output + y * layer->output.width * layer->output.channels + strip->first;
    strip->bias = vldrwq_s32(layer->bias + strip->first);
    if (rows.end - rows.first < window->height) {
        const int32x4_t inside = sum_of_weights(strip, rows.first, rows.end);
        strip->bias = vmlaq_n_s32(strip->plain_bias, inside, -layer->input_zero_point);
    }
    all_pixels(strip);
}

/** Whether the output may run into rows of the input, which allows of one order only. */
static bool overlaps(const birdnet_depthwise_conv2d_t *layer, const int8_t *input,
                     const int8_t *output) {
    const birdnet_shape_t from = layer->input;
    const birdnet_shape_t to = layer->output;
    const uintptr_t in = (uintptr_t)input;
    const uintptr_t out = (uintptr_t)output;
    return out < in + (uintptr_t)(from.height * from.width * from.channels) &&
           in < out + (uintptr_t)(to.height * to.width * to.channels);
}

birdnet_status_t birdnet_depthwise_conv2d(const birdnet_depthwise_conv2d_t *layer,
                                          const int8_t *input, int8_t *output) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const int32_t outputs = layer->output.channels;
    const int32_t height = layer->output.height;
    /* Row by row only where it must be: channels are set up once then. */
    const int32_t rows_at_once = overlaps(layer, input, output) ? 1 : height;
    strip_t strip = {
        .layer = layer,
        .rounding = birdnet_rounding_of(layer->shifts, outputs, &layer->result),
    };
    for (int32_t first = 0; first < height; first += rows_at_once) {
        for (int32_t o = 0; o < outputs; o += LANES) {
            begin_channels(&strip, o);
            for (int32_t y = first; y < first + rows_at_once; ++y) {
                compute_row(&strip, input, output, y);
            }
        }
    }
    return BIRDNET_OK;
}

#endif
