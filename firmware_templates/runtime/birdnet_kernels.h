/**
 * @file
 * The operators of a quantized network: one function for each.
 *
 * Activations are int8_t in the order [height, width, channels]. A value stands for the real number
 * scale * (value - zero_point). Weights are int8_t with the zero point 0. Sizes are in elements.
 * Every kernel has a version for any core and, in <name>_mve.c, a version for cores with Helium.
 * The target of the compiler selects one. Results equal those of LiteRT's reference kernels, bit by
 * bit.
 *
 * Arrays with one value for each channel are padded to a multiple of 4, and rows of weights to an
 * even number. Kernels read this padding, and nothing else outside of an array. All memory belongs
 * to the caller: a kernel keeps no state, allocates no memory and does not recurse.
 *
 * Input and output must not overlap, unless a kernel says that they may be the same. There is one
 * exception: when a convolution or a pool writes a row of the output, it no longer reads the rows
 * above the window of that row. A 1x1 convolution no longer reads the pixels before the group of at
 * most four pixels that it writes. Therefore their output may begin before their input and
 * overwrite input that is no longer needed. The exception does not hold for a fused residual sum.
 *
 * Every kernel returns BIRDNET_ERROR_ARGUMENT if a pointer is null, otherwise BIRDNET_OK. Sizes and
 * quantization are not checked at run time, because the generator derives them.
 */
#ifndef BIRDNET_KERNELS_H
#define BIRDNET_KERNELS_H

#include "birdnet_status.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Sizes of an activation. */
typedef struct {
    int32_t height;
    int32_t width;
    int32_t channels;
} birdnet_shape_t;

/** How a window slides over an activation. Values outside of it count as real 0 or are left out. */
typedef struct {
    int32_t height;
    int32_t width;
    int32_t stride_height;
    int32_t stride_width;
    int32_t pad_top;  /**< rows above the activation that the first window covers */
    int32_t pad_left; /**< columns left of the activation that the first window covers */
} birdnet_window_t;

/** How a result is stored: add the zero point, then clamp to the range of the activation. */
typedef struct {
    int32_t zero_point;
    int32_t minimum; /**< -128 to maximum */
    int32_t maximum; /**< minimum to 127 */
} birdnet_output_t;

/** The real factor multiplier * 2^(shift - 31), see birdnet_requantize(). */
typedef struct {
    int32_t multiplier;
    int32_t shift;
} birdnet_scale_t;

/** Parameters of birdnet_conv2d(). */
typedef struct {
    birdnet_shape_t input;
    birdnet_shape_t output;
    birdnet_window_t window;
    int32_t input_zero_point;
    birdnet_output_t result;
    /** [output channels, window height * window width * input channels], each filter padded with
     * zeros to a multiple of 16 */
    const int8_t *weights;
    const int32_t *bias;        /**< [output channels], with the input's zero point folded in */
    const int32_t *multipliers; /**< [output channels] */
    const int8_t *shifts;       /**< [output channels] */
} birdnet_conv2d_t;

/**
 * Convolution: output[y, x, o] = requantize_o(bias[o] + sum over the window of
 * weights[o, i, j, c] * input[y * stride + i - pad, x * stride + j - pad, c]),
 * where the input has the value of its zero point outside of its borders.
 */
birdnet_status_t birdnet_conv2d(const birdnet_conv2d_t *layer, const int8_t *input, int8_t *output);

/** Number of output channels whose weights are interleaved. */
enum { BIRDNET_DEPTHWISE_LANES = 8 };

/** Parameters of birdnet_depthwise_conv2d(). */
typedef struct {
    birdnet_shape_t input;
    birdnet_shape_t output; /**< channels are input.channels * depth_multiplier */
    birdnet_window_t window;
    int32_t depth_multiplier; /**< output channels for each input channel */
    int32_t input_zero_point;
    birdnet_output_t result;
    /** [output channels / BIRDNET_DEPTHWISE_LANES, window height, window width,
     * BIRDNET_DEPTHWISE_LANES], with zeros for the channels after the last */
    const int8_t *weights;
    const int32_t *bias;        /**< [output channels], with the input's zero point folded in */
    const int32_t *multipliers; /**< [output channels] */
    const int8_t *shifts;       /**< [output channels] */
} birdnet_depthwise_conv2d_t;

/**
 * Depthwise convolution: output[y, x, o] = requantize_o(bias[o] + sum over the window of
 * weights[i, j, o] * input[y * stride + i - pad, x * stride + j - pad, o / depth_multiplier]),
 * where the input has the value of its zero point outside of its borders.
 */
birdnet_status_t birdnet_depthwise_conv2d(const birdnet_depthwise_conv2d_t *layer,
                                          const int8_t *input, int8_t *output);

/** Parameters of birdnet_pointwise_conv2d(). */
typedef struct {
    int32_t pixels;
    int32_t input_channels;
    int32_t output_channels;
    birdnet_output_t result;
    const int8_t *weights;      /**< [output channels, input channels] */
    const int32_t *bias;        /**< [output channels], with the input's zero point folded in */
    const int32_t *multipliers; /**< [output channels] */
    const int8_t *shifts;       /**< [output channels] */
} birdnet_pointwise_conv2d_t;

/**
 * Convolution with a 1x1 window and without stride:
 * output[p, o] = requantize_o(bias[o] + sum_c weights[o, c] * input[p, c]).
 */
birdnet_status_t birdnet_pointwise_conv2d(const birdnet_pointwise_conv2d_t *layer,
                                          const int8_t *input, int8_t *output);

/** Parameters of birdnet_pointwise_conv2d_add(): first the convolution, then the sum. */
typedef struct {
    int32_t pixels;
    int32_t input_channels;
    int32_t output_channels;
    birdnet_output_t result;    /**< result of the convolution */
    const int8_t *weights;      /**< [output channels, input channels] */
    const int32_t *bias;        /**< [output channels], with the input's zero point folded in */
    const int32_t *multipliers; /**< [output channels] */
    const int8_t *shifts;       /**< [output channels] */
    int32_t other_zero_point;   /**< zero point of the added activation */
    birdnet_scale_t own_scale;
    birdnet_scale_t other_scale;
    birdnet_scale_t sum_scale;
    birdnet_output_t sum;
} birdnet_pointwise_conv2d_add_t;

/**
 * birdnet_pointwise_conv2d(), then birdnet_add() of its result and another activation of the same
 * shape, with all roundings and clamps of both. The output may be `other`.
 */
birdnet_status_t birdnet_pointwise_conv2d_add(const birdnet_pointwise_conv2d_add_t *layer,
                                              const int8_t *input, const int8_t *other,
                                              int8_t *output);

/** Parameters of birdnet_fully_connected(). */
typedef struct {
    int32_t rows;
    int32_t input_channels;
    int32_t output_channels;
    birdnet_output_t result;
    const int8_t *weights; /**< [output channels, input channels] */
    const int32_t *bias;   /**< [output channels], with the input's zero point folded in */
    const double *scales;  /**< [output channels] */
} birdnet_fully_connected_t;

/**
 * Dense layer:
 * output[r, o] = round(scales[o] * (bias[o] + sum_c weights[o, c] * input[r, c])) + zero_point.
 * This is the only operator that the reference requantizes in double precision. A half is rounded
 * away from zero.
 */
birdnet_status_t birdnet_fully_connected(const birdnet_fully_connected_t *layer,
                                         const int8_t *input, int8_t *output);

/** Strides of the operands of an elementwise operator. The output is row-major; 0 repeats a value.
 */
typedef struct {
    int32_t sizes[4];
    int32_t first_strides[4];
    int32_t second_strides[4];
} birdnet_broadcast_t;

/** Parameters of birdnet_add() and birdnet_subtract(). */
typedef struct {
    birdnet_broadcast_t shape;
    int32_t first_zero_point;
    int32_t second_zero_point;
    birdnet_scale_t first_scale;  /**< at most 1/2, so its shift is at most 0 */
    birdnet_scale_t second_scale; /**< at most 1/2 */
    birdnet_scale_t result_scale;
    birdnet_output_t result;
} birdnet_add_t;

/**
 * Sum: output = requantize(first' + second'), where each operand is multiplied by 2^20 and brought
 * to a common scale. The output may be an operand that is not broadcast.
 */
birdnet_status_t birdnet_add(const birdnet_add_t *layer, const int8_t *first, const int8_t *second,
                             int8_t *output);

/** Difference: like birdnet_add(), with output = requantize(first' - second'). */
birdnet_status_t birdnet_subtract(const birdnet_add_t *layer, const int8_t *first,
                                  const int8_t *second, int8_t *output);

/** Parameters of birdnet_multiply(). */
typedef struct {
    birdnet_broadcast_t shape;
    int32_t first_zero_point;
    int32_t second_zero_point;
    birdnet_scale_t result_scale;
    birdnet_output_t result;
} birdnet_multiply_t;

/**
 * Product: output = requantize((first - zero_point) * (second - zero_point)).
 * The output may be an operand that is not broadcast.
 */
birdnet_status_t birdnet_multiply(const birdnet_multiply_t *layer, const int8_t *first,
                                  const int8_t *second, int8_t *output);

/** The larger of two values of equal scale. The output may be an operand that is not broadcast. */
birdnet_status_t birdnet_maximum(const birdnet_broadcast_t *shape, const int8_t *first,
                                 const int8_t *second, int8_t *output);

/** The smaller of two values of equal scale. The output may be an operand that is not broadcast. */
birdnet_status_t birdnet_minimum(const birdnet_broadcast_t *shape, const int8_t *first,
                                 const int8_t *second, int8_t *output);

/** Parameters of birdnet_mean(). */
typedef struct {
    int32_t outer;         /**< elements before the dimensions that are averaged */
    int32_t reduced;       /**< elements of the dimensions that are averaged */
    int32_t inner;         /**< elements after these dimensions */
    int32_t offset;        /**< minus the zero point of the input times `reduced` */
    birdnet_scale_t scale; /**< includes the factor 1 / reduced */
    birdnet_output_t result;
} birdnet_mean_t;

/** Mean: output[a, c] = requantize(offset + sum_b input[a, b, c]). */
birdnet_status_t birdnet_mean(const birdnet_mean_t *layer, const int8_t *input, int8_t *output);

/** Parameters of birdnet_average_pool() and birdnet_max_pool(); neither changes the scale. */
typedef struct {
    birdnet_shape_t input;
    birdnet_shape_t output;
    birdnet_window_t window;
    int32_t minimum;
    int32_t maximum;
} birdnet_pool_t;

/** Mean of the part of each window inside the input. A half is rounded away from zero. */
birdnet_status_t birdnet_average_pool(const birdnet_pool_t *layer, const int8_t *input,
                                      int8_t *output);

/** Maximum of the part of each window inside the input. */
birdnet_status_t birdnet_max_pool(const birdnet_pool_t *layer, const int8_t *input, int8_t *output);

/** Parameters of birdnet_lookup(). */
typedef struct {
    int32_t elements;
    const int8_t *table; /**< [256], for the values -128 to 127 */
} birdnet_lookup_t;

/** Any function of one value: output = table[input + 128]. The output may be the input. */
birdnet_status_t birdnet_lookup(const birdnet_lookup_t *layer, const int8_t *input, int8_t *output);

/** Parameters of birdnet_channel_lookup(). */
typedef struct {
    int32_t pixels;
    int32_t channels;
    int32_t pixel_stride;   /**< elements of the output from one pixel to the next */
    int32_t channel_stride; /**< elements from one channel to the next, at most 8192 */
    const int8_t *tables;   /**< [channels, 256], for the values -128 to 127 */
} birdnet_channel_lookup_t;

/**
 * Any function of one value, with its own table for each channel:
 * output[p * pixel_stride + c * channel_stride] = tables[c, input[p, c] + 128].
 * The output may be the input if the strides are those of the input: `channels` and 1.
 */
birdnet_status_t birdnet_channel_lookup(const birdnet_channel_lookup_t *layer, const int8_t *input,
                                        int8_t *output);

/** Parameters of birdnet_strided_copy(). */
typedef struct {
    int32_t sizes[4];
    int32_t input_offset;
    int32_t output_offset;
    int32_t input_strides[4];
    int32_t output_strides[4];
} birdnet_strided_copy_t;

/**
 * Copies values: for transposes, slices and concatenations.
 * output[output_offset + index . output_strides] = input[input_offset + index . input_strides].
 * Strides may be negative. The copy is fast if the rows, along sizes[3], are long.
 */
birdnet_status_t birdnet_strided_copy(const birdnet_strided_copy_t *layer, const int8_t *input,
                                      int8_t *output);

/** Parameters of birdnet_fill(). */
typedef struct {
    int32_t elements;
    int32_t value; /**< -128 to 127 */
} birdnet_fill_t;

/** Sets every element to the same value. */
birdnet_status_t birdnet_fill(const birdnet_fill_t *layer, int8_t *output);

/** Parameters of birdnet_quantize() and birdnet_dequantize(). */
typedef struct {
    int32_t elements;
    float scale;
    int32_t zero_point;
} birdnet_affine_t;

/**
 * output = clamp(round(input / scale) + zero_point). A half is rounded away from zero. A NaN
 * becomes the zero point.
 */
birdnet_status_t birdnet_quantize(const birdnet_affine_t *layer, const float *input,
                                  int8_t *output);

/** birdnet_quantize() that writes every `stride`-th element. The stride may be negative. */
birdnet_status_t birdnet_quantize_to(const birdnet_affine_t *layer, const float *input,
                                     int8_t *output, int32_t stride);

/** output = scale * (input - zero_point). */
birdnet_status_t birdnet_dequantize(const birdnet_affine_t *layer, const int8_t *input,
                                    float *output);

#ifdef __cplusplus
}
#endif

#endif
