/* birdnet_depthwise_conv2d() for cores with Helium. */
#include "birdnet_kernels.h"

#include <stdbool.h>
#include <stddef.h>

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_mve.h"
#include "birdnet_window.h"

/* Eight channels share a vector of 16-bit values. Their 32-bit sums need two vectors: one for the
 * even and one for the odd channels. Widening products give the sums in this order, and narrowing
 * interleaves them again. */
enum { LANES = BIRDNET_DEPTHWISE_LANES };

#define KERNEL static __attribute__((noinline)) void
#define INLINE static inline __attribute__((always_inline))

/** Eight channels of the output. */
typedef struct {
    const int32_t *bias;
    const int32_t *multipliers;
    const int8_t *shifts;
    const int8_t *weights;
} channels_t;

/** Sums of eight channels. */
typedef struct {
    int32x4_t even;
    int32x4_t odd;
} sums_t;

/** Eight channels of a row of the output. */
typedef struct {
    const birdnet_depthwise_conv2d_t *layer;
    bool rectified;
    mve_pred16_t lanes;  /**< channels that exist */
    uint16x8_t offsets;  /**< offsets of their input channels from the first one */
    channels_t channels; /**< weights, beginning with the first row inside */
    birdnet_taps_t rows;
    sums_t bias;         /**< bias that includes the rows of the window outside of the input */
    const int8_t *input; /**< column 0 of the first row of the window inside the input */
    int8_t *output;      /**< of pixel 0 */
} strip_t;

INLINE sums_t add_products(sums_t sums, int16x8_t values, int16x8_t weights) {
    sums.even = vaddq_s32(sums.even, vmullbq_int_s16(values, weights));
    sums.odd = vaddq_s32(sums.odd, vmulltq_int_s16(values, weights));
    return sums;
}

/** How the sums of eight channels become results. */
typedef struct {
    int32x4_t even_multipliers;
    int32x4_t odd_multipliers;
    int32x4_t even_shifts;
    int32x4_t odd_shifts;
    birdnet_output_t result;
    birdnet_rounding_t rounding;
} stage_t;

INLINE stage_t stage_of(const strip_t *strip, birdnet_rounding_t rounding) {
    const int32x4x2_t multipliers = vld2q_s32(strip->channels.multipliers);
    const int16x8_t shifts = vldrbq_s16(strip->channels.shifts);
    return (stage_t){
        .even_multipliers = multipliers.val[0],
        .odd_multipliers = multipliers.val[1],
        .even_shifts = vmovlbq_s16(shifts),
        .odd_shifts = vmovltq_s16(shifts),
        .result = strip->layer->result,
        .rounding = rounding,
    };
}

/** Requantizes, adds the zero point and clamps. Saturation to 16 bits changes only values that are
 * clamped anyway.
 */
INLINE int16x8_t finish(sums_t sums, stage_t stage) {
    const birdnet_output_t result = stage.result;
    const int32x4_t even =
        birdnet_requantize_x4(sums.even, stage.even_multipliers, stage.even_shifts, stage.rounding);
    const int32x4_t odd =
        birdnet_requantize_x4(sums.odd, stage.odd_multipliers, stage.odd_shifts, stage.rounding);
    int16x8_t values = vqmovnbq_s32(vreinterpretq_s16_s32(even), even);
    values = vqaddq_n_s16(vqmovntq_s32(values, odd), (int16_t)result.zero_point);
    values = vmaxq_s16(values, vdupq_n_s16((int16_t)result.minimum));
    return vminq_s16(values, vdupq_n_s16((int16_t)result.maximum));
}

INLINE int16x8_t finish_any(const strip_t *strip, sums_t sums) {
    return strip->rectified ? finish(sums, stage_of(strip, BIRDNET_ROUNDING_RECTIFIED))
                            : finish(sums, stage_of(strip, BIRDNET_ROUNDING_ANY));
}

/** One pixel at any position, for any channels. */
KERNEL one_pixel(const strip_t *strip, int32_t x) {
    const birdnet_depthwise_conv2d_t *layer = strip->layer;
    const birdnet_window_t *window = &layer->window;
    const birdnet_taps_t columns =
        birdnet_taps(x, window->stride_width, window->pad_left, window->width, layer->input.width);
    const uint32_t inside = (uint32_t)(columns.end - columns.first);
    const mve_pred16_t lanes = strip->lanes;
    const uint16x8_t offsets = strip->offsets;
    const int16x8_t outside = vdupq_n_s16((int16_t)layer->input_zero_point);
    const int32_t step = layer->input.channels;
    const int8_t *row = strip->input + columns.origin * step;
    const int8_t *weights = strip->channels.weights;
    sums_t sums = strip->bias;
    for (int32_t i = strip->rows.end - strip->rows.first; i > 0; --i) {
        const int8_t *input = row;
        for (int32_t j = 0; j < window->width; ++j) {
            int16x8_t values = outside;
            if ((uint32_t)(j - columns.first) < inside) {
                values = vldrbq_gather_offset_z_s16(input, offsets, lanes);
            }
            sums = add_products(sums, values, vldrbq_s16(weights));
            input += step;
            weights += LANES;
        }
        row += layer->input.width * step;
    }
    vstrbq_p_s16(strip->output + x * layer->output.channels, finish_any(strip, sums), lanes);
}

/* From here on, windows have 3 or 5 columns, and there are eight channels in the order of the
 * input.
 */

/** Sums of one pixel. Its window has `width` columns, of which first to end - 1 lie inside. */
INLINE sums_t edge_sums(const strip_t *strip, int32_t x, int32_t width, int32_t first,
                        int32_t end) {
    const birdnet_depthwise_conv2d_t *layer = strip->layer;
    const int16x8_t outside = vdupq_n_s16((int16_t)layer->input_zero_point);
    const int32_t step = layer->input.channels;
    const int32_t next_row = (layer->input.width - (end - first - 1)) * step;
    const int32_t column = x * layer->window.stride_width - layer->window.pad_left + first;
    const int8_t *input = strip->input + column * step;
    const int8_t *weights = strip->channels.weights;
    sums_t sums = strip->bias;
#pragma GCC unroll 1
    for (int32_t rows = strip->rows.end - strip->rows.first; rows > 0; --rows) {
#pragma GCC unroll 5
        for (int32_t j = 0; j < width; ++j) {
            int16x8_t values = outside;
            if (j >= first && j < end) {
                values = vldrbq_s16(input);
                input += j == end - 1 ? next_row : step;
            }
            sums = add_products(sums, values, vldrbq_s16(weights));
            weights += LANES;
            BIRDNET_MVE_STEP(weights);
        }
    }
    return sums;
}

KERNEL left_pixel(const strip_t *strip, int32_t x) {
    const sums_t sums = edge_sums(strip, x, 3, 1, 3);
    vstrbq_s16(strip->output + x * strip->layer->input.channels, finish_any(strip, sums));
}

KERNEL right_pixel(const strip_t *strip, int32_t x) {
    const sums_t sums = edge_sums(strip, x, 3, 0, 2);
    vstrbq_s16(strip->output + x * strip->layer->input.channels, finish_any(strip, sums));
}

/** One pixel whose window has 5 columns. `columns` are those that lie inside. */
KERNEL edge_of_5(const strip_t *strip, int32_t x, birdnet_taps_t columns) {
    const int32_t step = strip->layer->input.channels;
    sums_t sums;
    if (columns.first == 2 && columns.end == 5) {
        sums = edge_sums(strip, x, 5, 2, 5);
    } else if (columns.first == 1 && columns.end == 5) {
        sums = edge_sums(strip, x, 5, 1, 5);
    } else if (columns.first == 0 && columns.end == 4) {
        sums = edge_sums(strip, x, 5, 0, 4);
    } else if (columns.first == 0 && columns.end == 3) {
        sums = edge_sums(strip, x, 5, 0, 3);
    } else {
        one_pixel(strip, x);
        return;
    }
    vstrbq_s16(strip->output + x * step, finish_any(strip, sums));
}

/** Pixels x to end - 1, at least two. Their windows lie completely inside. They are computed in
 * pairs, so that each weight is loaded once for two pixels. */
INLINE void whole_pixels(const strip_t *strip, int32_t x, int32_t end, int32_t width,
                         int32_t stride, birdnet_rounding_t rounding) {
    const birdnet_depthwise_conv2d_t *layer = strip->layer;
    const int32_t step = layer->input.channels;
    const int32_t next_row = (layer->input.width - (stride + width - 1)) * step;
    const int32_t all_rows = strip->rows.end - strip->rows.first;
    const int8_t *input = strip->input + (x * stride - layer->window.pad_left) * step;
    int8_t *output = strip->output + x * step;
    int32_t left = end - x;
#pragma GCC unroll 1
    do {
        if (left == 1) {
            /* The pixel before is computed again and stored to the same place. */
            input -= stride * step;
            output -= step;
        }
        const int8_t *value = input;
        const int8_t *weight = strip->channels.weights;
        sums_t first = strip->bias;
        sums_t second = first;
        int32_t rows = all_rows;
#pragma GCC unroll 1
        do {
            const int8_t *again = weight;
            int16x8_t w = vdupq_n_s16(0);
#pragma GCC unroll 8
            for (int32_t column = 0; column < stride + width; ++column) {
                const int16x8_t before = w;
                const int16x8_t v = vldrbq_s16(value);
                value += column < stride + width - 1 ? step : next_row;
                BIRDNET_MVE_STEP(value);
                if (column < width) {
                    w = vldrbq_s16(weight);
                    weight += LANES;
                    BIRDNET_MVE_STEP(weight);
                    first = add_products(first, v, w);
                }
                if (column >= stride && stride == 1) {
                    second = add_products(second, v, before);
                } else if (column >= stride) {
                    second = add_products(second, v, vldrbq_s16(again));
                    again += LANES;
                    BIRDNET_MVE_STEP(again);
                }
            }
        } while (--rows > 0);
        const stage_t stage = stage_of(strip, rounding);
        vstrbq_s16(output, finish(first, stage));
        output += step;
        vstrbq_s16(output, finish(second, stage));
        output += step;
        input += 2 * stride * step;
        left -= 2;
    } while (left > 0);
}

KERNEL stride_1_rectified(const strip_t *strip, int32_t x, int32_t end) {
    whole_pixels(strip, x, end, 3, 1, BIRDNET_ROUNDING_RECTIFIED);
}

KERNEL stride_2_rectified(const strip_t *strip, int32_t x, int32_t end) {
    whole_pixels(strip, x, end, 3, 2, BIRDNET_ROUNDING_RECTIFIED);
}

KERNEL stride_1(const strip_t *strip, int32_t x, int32_t end) {
    whole_pixels(strip, x, end, 3, 1, BIRDNET_ROUNDING_ANY);
}

KERNEL stride_2(const strip_t *strip, int32_t x, int32_t end) {
    whole_pixels(strip, x, end, 3, 2, BIRDNET_ROUNDING_ANY);
}

/** Pixels of a window of 5 columns. Negative results may be rounded in any way: to skip that work
 * would save 1 % of the instructions and cost a second copy of the code. */
KERNEL stride_1_of_5(const strip_t *strip, int32_t x, int32_t end) {
    whole_pixels(strip, x, end, 5, 1, BIRDNET_ROUNDING_ANY);
}

KERNEL stride_2_of_5(const strip_t *strip, int32_t x, int32_t end) {
    whole_pixels(strip, x, end, 5, 2, BIRDNET_ROUNDING_ANY);
}

/** Adds the zero point for rows of the window that lie outside. */
static __attribute__((noinline)) void add_outside(strip_t *strip) {
    const birdnet_depthwise_conv2d_t *layer = strip->layer;
    const int32_t row = layer->window.width * LANES;
    const int16x8_t outside = vdupq_n_s16((int16_t)layer->input_zero_point);
    const int8_t *inside = strip->channels.weights;
    const int8_t *weights = inside - strip->rows.first * row;
    for (int32_t i = 0; i < layer->window.height; ++i) {
        const bool is_outside = i < strip->rows.first || i >= strip->rows.end;
        for (int32_t j = 0; is_outside && j < layer->window.width; ++j) {
            strip->bias = add_products(strip->bias, outside, vldrbq_s16(weights + j * LANES));
        }
        weights += row;
    }
}

/** All pixels of a strip whose windows have 5 columns. `inside` are those whose windows lie
 * completely inside. */
static void compute_5(const strip_t *strip, birdnet_inside_t inside) {
    const birdnet_depthwise_conv2d_t *layer = strip->layer;
    const birdnet_window_t *window = &layer->window;
    for (int32_t x = 0; x < layer->output.width;) {
        if (x == inside.first && inside.end - x >= 2) {
            (window->stride_width == 1 ? stride_1_of_5 : stride_2_of_5)(strip, x, inside.end);
            x = inside.end;
        } else {
            edge_of_5(
                strip, x,
                birdnet_taps(x, window->stride_width, window->pad_left, 5, layer->input.width));
            ++x;
        }
    }
}

/** All pixels of a strip. `inside` are those whose windows lie completely inside. `columns` are
 * those of a window that has kernels of its own, 3 or 5; 0 for any window. */
INLINE void compute(strip_t *strip, birdnet_inside_t inside, int32_t columns) {
    const birdnet_depthwise_conv2d_t *layer = strip->layer;
    const int32x4x2_t bias = vld2q_s32(strip->channels.bias);
    strip->bias = (sums_t){bias.val[0], bias.val[1]};
    if (strip->rows.end - strip->rows.first < layer->window.height) {
        add_outside(strip);
    }
    if (columns == 0) {
        for (int32_t x = 0; x < layer->output.width; ++x) {
            one_pixel(strip, x);
        }
        return;
    }
    if (columns == 5) {
        compute_5(strip, inside);
        return;
    }
    if (inside.first > 0) {
        left_pixel(strip, 0);
    }
    if (layer->window.stride_width == 1) {
        (strip->rectified ? stride_1_rectified : stride_1)(strip, inside.first, inside.end);
    } else {
        (strip->rectified ? stride_2_rectified : stride_2)(strip, inside.first, inside.end);
    }
    if (inside.end < layer->output.width) {
        right_pixel(strip, inside.end);
    }
}

/** Whether all pixels except one at each edge, at least two, have a complete window of three
 * columns. */
static bool is_fast(const birdnet_depthwise_conv2d_t *layer, birdnet_inside_t inside) {
    const birdnet_window_t *window = &layer->window;
    const int32_t first_right = inside.end * window->stride_width - window->pad_left;
    return window->width == 3 && window->stride_width <= 2 && window->pad_left <= 1 &&
           inside.end - inside.first >= 2 && layer->output.width - inside.end <= 1 &&
           (inside.end == layer->output.width || first_right + 2 == layer->input.width);
}

/** For the last channels, or channels in another order than in the input. */
static __attribute__((noinline)) void compute_any(strip_t *strip, const int8_t *row,
                                                  int32_t first) {
    const birdnet_depthwise_conv2d_t *layer = strip->layer;
    const int32_t count = layer->output.channels - first;
    const int32_t channel = first / layer->depth_multiplier;
    int32_t bias[LANES] = {0};
    int32_t multipliers[LANES] = {0};
    int8_t shifts[LANES] = {0};
    uint16_t offsets[LANES];
    for (int32_t i = 0; i < LANES; ++i) {
        offsets[i] = (uint16_t)((first + i) / layer->depth_multiplier - channel);
        if (i < count) {
            bias[i] = strip->channels.bias[i];
            multipliers[i] = strip->channels.multipliers[i];
            shifts[i] = strip->channels.shifts[i];
        }
    }
    strip->lanes = vctp16q((uint32_t)count);
    strip->offsets = vldrhq_u16(offsets);
    strip->channels.bias = bias;
    strip->channels.multipliers = multipliers;
    strip->channels.shifts = shifts;
    strip->input = row + channel;
    compute(strip, (birdnet_inside_t){0, 0}, 0);
}

/** All rows. `columns` is as in compute(). The caller gives 3 a loop of its own, because a choice
 * in the loop costs 1 % on the small maps of the last layers. */
INLINE void compute_rows(const birdnet_depthwise_conv2d_t *layer, birdnet_inside_t inside,
                         const int8_t *input, int8_t *output, int32_t columns) {
    const birdnet_window_t *window = &layer->window;
    const int32_t outputs = layer->output.channels;
    const birdnet_rounding_t rounding = birdnet_rounding_of(layer->shifts, outputs, &layer->result);
    strip_t strip = {.layer = layer, .rectified = rounding == BIRDNET_ROUNDING_RECTIFIED};
    for (int32_t y = 0; y < layer->output.height; ++y) {
        strip.rows = birdnet_taps(y, window->stride_height, window->pad_top, window->height,
                                  layer->input.height);
        const int32_t row_of_input = strip.rows.origin + strip.rows.first;
        const int8_t *row = input + row_of_input * layer->input.width * layer->input.channels;
        const int8_t *weights = layer->weights + strip.rows.first * window->width * LANES;
        for (int32_t o = 0; o < outputs; o += LANES) {
            strip.channels =
                (channels_t){layer->bias + o, layer->multipliers + o, layer->shifts + o, weights};
            strip.output = output + o;
            if (columns != 0 && o + LANES <= outputs) {
                strip.input = row + o;
                if (columns == 5) { /* one_pixel() needs these */
                    strip.lanes = vctp16q(LANES);
                    strip.offsets = vidupq_n_u16(0, 1);
                }
                compute(&strip, inside, columns);
            } else {
                compute_any(&strip, row, o);
            }
            weights += window->height * window->width * LANES;
        }
        output += layer->output.width * outputs;
    }
}

birdnet_status_t birdnet_depthwise_conv2d(const birdnet_depthwise_conv2d_t *layer,
                                          const int8_t *input, int8_t *output) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const birdnet_window_t *window = &layer->window;
    const birdnet_inside_t inside =
        birdnet_inside(window->stride_width, window->pad_left, window->width, layer->input.width);
    const bool alike = layer->depth_multiplier == 1;
    if (alike && is_fast(layer, inside)) {
        compute_rows(layer, inside, input, output, 3);
    } else {
        const bool of_5 = alike && window->width == 5 && window->stride_width <= 2;
        compute_rows(layer, inside, input, output, of_5 ? 5 : 0);
    }
    return BIRDNET_OK;
}

#endif
