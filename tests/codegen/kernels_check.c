/* Every kernel against its equation on extremes, drawn at random. Prints the first difference of
 * each. */
#include "kernels_draw.h"

#include <float.h>

/** Places the output of a sliding window: beside the input or over rows that have served. */
static int32_t place_window_output(const birdnet_shape_t *read, const birdnet_shape_t *written,
                                   const birdnet_window_t *window, int32_t count) {
    if (one_in(2)) {
        return place_over_input(read, written, window);
    }
    place_output(count);
    return count;
}

static bool pointwise(int round) {
    const int32_t channels = one_in(3) ? 16 << (draw() % 4) : between(1, 90);
    birdnet_pointwise_conv2d_t layer = {
        .pixels = between(1, 8),
        .input_channels = channels,
        .output_channels = one_in(3) ? 16 * between(1, 6) : between(1, 90),
        .result = draw_output(),
    };
    input = draw_values(input_area, layer.pixels * channels);
    weights = draw_values(weights_area, even(layer.output_channels) * channels);
    draw_channels(layer.output_channels, (int64_t)channels << 14);
    USE_CHANNELS(layer);
    for (int32_t p = 0; p < layer.pixels; ++p) {
        for (int32_t o = 0; o < layer.output_channels; ++o) {
            int32_t sum = bias[o];
            for (int32_t c = 0; c < channels; ++c) {
                sum += weights[o * channels + c] * input[p * channels + c];
            }
            expected[p * layer.output_channels + o] =
                finish(sum, multipliers[o], shifts[o], layer.result);
        }
    }
    /* What it may still read when it writes a pixel: that pixel and the three before it. */
    const birdnet_window_t group = {.height = 4, .width = 1, .stride_height = 1, .pad_top = 3};
    const birdnet_shape_t read = {layer.pixels, 1, channels};
    const birdnet_shape_t written = {layer.pixels, 1, layer.output_channels};
    const int32_t count =
        place_window_output(&read, &written, &group, layer.pixels * layer.output_channels);
    return agrees("pointwise_conv2d", round, count,
                  birdnet_pointwise_conv2d(&layer, input, output));
}

static bool pointwise_add(int round) {
    const birdnet_scale_t half = {.multiplier = INT32_C(1) << 30, .shift = 0};
    const birdnet_scale_t other = {.multiplier = draw_multiplier(), .shift = between(-31, 0)};
    const bool swap = one_in(2);
    const int32_t channels = one_in(3) ? 16 << (draw() % 4) : between(1, 90);
    birdnet_pointwise_conv2d_add_t layer = {
        .pixels = between(1, 8),
        .input_channels = channels,
        .output_channels = one_in(3) ? 16 * between(1, 6) : between(1, 90),
        .result = draw_output(),
        .other_zero_point = draw_zero_point(),
        .own_scale = swap ? other : half,
        .other_scale = swap || one_in(8) ? half : other,
        .sum_scale = {.multiplier = draw_multiplier(), .shift = between(-31, 0)},
        .sum = draw_output(),
    };
    if (one_in(2)) {
        layer.sum_scale.shift = between(-20, -14);
    }
    const int32_t count = layer.pixels * layer.output_channels;
    input = draw_values(input_area, layer.pixels * channels);
    second = draw_values(second_area, count);
    weights = draw_values(weights_area, even(layer.output_channels) * channels);
    draw_channels(layer.output_channels, (int64_t)channels << 14);
    USE_CHANNELS(layer);
    for (int32_t i = 0; i < count; ++i) {
        const int32_t p = i / layer.output_channels;
        const int32_t o = i % layer.output_channels;
        int32_t sum = bias[o];
        for (int32_t c = 0; c < channels; ++c) {
            sum += weights[o * channels + c] * input[p * channels + c];
        }
        const int32_t own = finish(sum, multipliers[o], shifts[o], layer.result);
        const int32_t unit = INT32_C(1) << 20;
        const int32_t total =
            birdnet_requantize((own - layer.result.zero_point) * unit, layer.own_scale.multiplier,
                               layer.own_scale.shift) +
            birdnet_requantize((second[i] - layer.other_zero_point) * unit,
                               layer.other_scale.multiplier, layer.other_scale.shift);
        expected[i] = finish(total, layer.sum_scale.multiplier, layer.sum_scale.shift, layer.sum);
    }
    place_output(count);
    if (one_in(2)) {
        return agrees("pointwise_conv2d_add", round, count,
                      birdnet_pointwise_conv2d_add(&layer, input, second, output));
    }
    memcpy(output, second, (size_t)count);
    return agrees("pointwise_conv2d_add in place", round, count,
                  birdnet_pointwise_conv2d_add(&layer, input, output, output));
}

static bool lookup(int round) {
    const bool single = one_in(2);
    const int32_t pixels = between(1, 20);
    const int32_t channels = single ? 1 : between(1, 40);
    weights = draw_values(weights_area, 256 * channels);
    const birdnet_lookup_t one = {.elements = pixels, .table = weights};
    const bool turned = !single && one_in(2);
    const birdnet_channel_lookup_t several = {
        .pixels = pixels,
        .channels = channels,
        .pixel_stride = turned ? 1 : channels,
        .channel_stride = turned ? pixels : 1,
        .tables = weights,
    };
    input = draw_values(input_area, pixels * channels);
    for (int32_t p = 0; p < pixels; ++p) {
        for (int32_t c = 0; c < channels; ++c) {
            expected[p * several.pixel_stride + c * several.channel_stride] =
                weights[256 * c + input[p * channels + c] + 128];
        }
    }
    place_output(pixels * channels);
    memcpy(output, input, (size_t)(pixels * channels));
    const int8_t *from = turned ? input : output;
    return agrees(single ? "lookup" : "channel_lookup", round, pixels * channels,
                  single ? birdnet_lookup(&one, from, output)
                         : birdnet_channel_lookup(&several, from, output));
}

/** Now and then what models have, of which the kernels make more than of anything. */
static void draw_usual(birdnet_window_t *window, birdnet_output_t *result) {
    if (one_in(2)) {
        window->width = 3;
        window->stride_width = between(1, 2);
        window->pad_left = between(0, 1);
    }
    if (one_in(4)) {
        *result = (birdnet_output_t){.zero_point = -128, .minimum = -128, .maximum = 127};
    }
}

static bool conv2d(int round) {
    const int32_t most = one_in(3) ? 1 : one_in(2) ? 9 : 33;
    birdnet_conv2d_t layer = {
        .input = draw_shape(between(1, most)),
        .window = draw_window(),
        .input_zero_point = draw_zero_point(),
        .result = draw_output(),
    };
    draw_usual(&layer.window, &layer.result);
    const bool deep = one_in(4);
    if (deep) {
        /* Windows and output channels in parts, pixels from several rows. */
        layer.input = (birdnet_shape_t){between(3, 7), between(1, 2), between(20, 33)};
        layer.window.stride_height = 1;
    }
    const birdnet_window_t *w = &layer.window;
    layer.output.height = output_size(layer.input.height, w->stride_height, w->pad_top);
    layer.output.width = output_size(layer.input.width, w->stride_width, w->pad_left);
    layer.output.channels = deep ? between(65, 72) : one_in(3) ? 8 * between(1, 9) : between(1, 70);
    const int32_t channels = layer.input.channels;
    const int32_t values = w->height * w->width * channels;
    const int32_t stride = (values + 15) / 16 * 16;
    input = draw_values(input_area, layer.input.height * layer.input.width * channels);
    weights = draw_values(weights_area, even(layer.output.channels) * stride);
    for (int32_t o = 0; o < layer.output.channels; ++o) {
        memset(weights + o * stride + values, 0, (size_t)(stride - values));
    }
    draw_channels(layer.output.channels, (int64_t)values << 14);
    USE_CHANNELS(layer);
    int8_t *next = expected;
    for (int32_t y = 0; y < layer.output.height; ++y) {
        for (int32_t x = 0; x < layer.output.width; ++x) {
            for (int32_t o = 0; o < layer.output.channels; ++o) {
                int32_t sum = bias[o];
                for (int32_t k = 0; k < values; ++k) {
                    const int32_t row = y * w->stride_height - w->pad_top + k / channels / w->width;
                    const int32_t column =
                        x * w->stride_width - w->pad_left + k / channels % w->width;
                    sum += weights[o * stride + k] * value_at(&layer.input, row, column,
                                                              k % channels, layer.input_zero_point);
                }
                *next++ = finish(sum, multipliers[o], shifts[o], layer.result);
            }
        }
    }
    const int32_t count =
        place_window_output(&layer.input, &layer.output, w, (int32_t)(next - expected));
    return agrees("conv2d", round, count, birdnet_conv2d(&layer, input, output));
}

static bool depthwise_conv2d(int round) {
    birdnet_depthwise_conv2d_t layer = {
        .input = draw_shape(one_in(2) ? 8 * between(1, 4) : between(1, 33)),
        .window = draw_window(),
        .depth_multiplier = one_in(4) ? between(2, 3) : 1,
        .input_zero_point = draw_zero_point(),
        .result = draw_output(),
    };
    draw_usual(&layer.window, &layer.result);
    if (one_in(3)) {
        layer.window.height = between(1, 5);
        layer.window.width = 5;
        layer.window.stride_width = between(1, 2);
        layer.window.pad_top = between(0, layer.window.height - 1);
        layer.window.pad_left = between(0, 2);
        layer.input.width = between(1, 12);
    }
    const birdnet_window_t *w = &layer.window;
    layer.output.height = output_size(layer.input.height, w->stride_height, w->pad_top);
    layer.output.width = output_size(layer.input.width, w->stride_width, w->pad_left);
    layer.output.channels = layer.input.channels * layer.depth_multiplier;
    const int32_t channels = layer.output.channels;
    input = draw_values(input_area, layer.input.height * layer.input.width * layer.input.channels);
    const int32_t lanes = BIRDNET_DEPTHWISE_LANES;
    const int32_t blocks = (channels + lanes - 1) / lanes;
    weights = draw_values(weights_area, blocks * w->height * w->width * lanes);
    draw_channels(channels, (int64_t)w->height * w->width << 14);
    USE_CHANNELS(layer);
    int8_t *next = expected;
    for (int32_t y = 0; y < layer.output.height; ++y) {
        for (int32_t x = 0; x < layer.output.width; ++x) {
            for (int32_t o = 0; o < channels; ++o) {
                int32_t sum = bias[o];
                for (int32_t k = 0; k < w->height * w->width; ++k) {
                    const int32_t row = y * w->stride_height - w->pad_top + k / w->width;
                    const int32_t column = x * w->stride_width - w->pad_left + k % w->width;
                    const int32_t first = o / lanes * lanes * w->height * w->width;
                    sum += weights[first + k * lanes + o % lanes] *
                           value_at(&layer.input, row, column, o / layer.depth_multiplier,
                                    layer.input_zero_point);
                }
                *next++ = finish(sum, multipliers[o], shifts[o], layer.result);
            }
        }
    }
    const int32_t count =
        place_window_output(&layer.input, &layer.output, w, (int32_t)(next - expected));
    return agrees("depthwise_conv2d", round, count,
                  birdnet_depthwise_conv2d(&layer, input, output));
}

/** Sums on a half whose operands have one scale: who takes it for a smaller one rounds them down.
 */
static int32_t halves = 0;

static bool add(int round) {
    const birdnet_scale_t half = {.multiplier = INT32_C(1) << 30, .shift = 0};
    const birdnet_scale_t other = {.multiplier = draw_multiplier(), .shift = between(-31, 0)};
    const bool swap = one_in(2);
    birdnet_add_t layer = {
        .shape = draw_operands(),
        .first_zero_point = draw_zero_point(),
        .second_zero_point = draw_zero_point(),
        .first_scale = swap ? other : half,
        .second_scale = swap || one_in(8) ? half : other,
        .result_scale = {.multiplier = draw_multiplier(), .shift = between(-31, 0)},
        .result = draw_output(),
    };
    if (one_in(2)) {
        layer.result_scale.shift = between(-20, -14);
    }
    if (one_in(2)) { /* results or an operand's terms on a half, the first of them beside 0 */
        static const int32_t exact[] = {0, -1, -20};
        layer.first_scale = layer.second_scale = half;
        (swap ? &layer.first_scale : &layer.second_scale)->shift = exact[draw() % 3];
        layer.result_scale = (birdnet_scale_t){.multiplier = INT32_MAX, .shift = between(-20, -19)};
        layer.first_zero_point = birdnet_clamp(input[0] + between(-1, 1), -128, 127);
        layer.second_zero_point = birdnet_clamp(second[0] + between(-1, 1), -128, 127);
    }
    const bool difference = one_in(4);
    for (int32_t i = 0; i < count_of(layer.shape.sizes); ++i) {
        const int8_t a = input[place_of(i, layer.shape.sizes, layer.shape.first_strides)];
        const int8_t b = second[place_of(i, layer.shape.sizes, layer.shape.second_strides)];
        const int32_t unit = INT32_C(1) << 20;
        const int32_t first_scaled =
            birdnet_requantize((a - layer.first_zero_point) * unit, layer.first_scale.multiplier,
                               layer.first_scale.shift);
        const int32_t second_scaled =
            birdnet_requantize((b - layer.second_zero_point) * unit, layer.second_scale.multiplier,
                               layer.second_scale.shift);
        const int32_t total =
            difference ? first_scaled - second_scaled : first_scaled + second_scaled;
        expected[i] =
            finish(total, layer.result_scale.multiplier, layer.result_scale.shift, layer.result);
        halves += layer.first_scale.shift == 0 && layer.second_scale.shift == 0 &&
                  layer.result_scale.shift == -20 && total > 0 && total % unit == unit / 2;
    }
    place_result(&layer.shape);
    return agrees(difference ? "subtract" : "add", round, count_of(layer.shape.sizes),
                  difference ? birdnet_subtract(&layer, input, second, output)
                             : birdnet_add(&layer, input, second, output));
}

static bool multiply(int round) {
    const birdnet_multiply_t layer = {
        .shape = draw_operands(),
        .first_zero_point = draw_zero_point(),
        .second_zero_point = draw_zero_point(),
        .result_scale = {.multiplier = draw_multiplier(), .shift = between(-31, room(255 * 255))},
        .result = draw_output(),
    };
    for (int32_t i = 0; i < count_of(layer.shape.sizes); ++i) {
        const int8_t a = input[place_of(i, layer.shape.sizes, layer.shape.first_strides)];
        const int8_t b = second[place_of(i, layer.shape.sizes, layer.shape.second_strides)];
        expected[i] = finish((a - layer.first_zero_point) * (b - layer.second_zero_point),
                             layer.result_scale.multiplier, layer.result_scale.shift, layer.result);
    }
    place_result(&layer.shape);
    return agrees("multiply", round, count_of(layer.shape.sizes),
                  birdnet_multiply(&layer, input, second, output));
}

static bool extremum(int round) {
    const birdnet_broadcast_t shape = draw_operands();
    const bool maximum = one_in(2);
    for (int32_t i = 0; i < count_of(shape.sizes); ++i) {
        const int8_t a = input[place_of(i, shape.sizes, shape.first_strides)];
        const int8_t b = second[place_of(i, shape.sizes, shape.second_strides)];
        expected[i] = (a > b) == maximum ? a : b;
    }
    place_result(&shape);
    return agrees(maximum ? "maximum" : "minimum", round, count_of(shape.sizes),
                  maximum ? birdnet_maximum(&shape, input, second, output)
                          : birdnet_minimum(&shape, input, second, output));
}

/** The mean or the largest of the values of one window. */
static int32_t pooled(const birdnet_pool_t *layer, int32_t y, int32_t x, int32_t c, bool mean) {
    const birdnet_window_t *w = &layer->window;
    int32_t sum = 0;
    int32_t largest = INT8_MIN;
    int32_t count = 0;
    for (int32_t k = 0; k < w->height * w->width; ++k) {
        const int32_t row = y * w->stride_height - w->pad_top + k / w->width;
        const int32_t column = x * w->stride_width - w->pad_left + k % w->width;
        const int32_t value = value_at(&layer->input, row, column, c, INT16_MIN);
        if (value != INT16_MIN) {
            sum += value;
            largest = value > largest ? value : largest;
            ++count;
        }
    }
    return mean ? (int32_t)lround((double)sum / count) : largest;
}

/** Values whose mean is a half, or the nearest that there is beside one. */
static void draw_near_half(int32_t pixels, int32_t channels) {
    const int32_t low = one_in(2) ? 126 : between(-128, 126);
    const int32_t raised = channels * (pixels / 2 + between(-1, 1));
    for (int32_t i = 0; i < pixels * channels; ++i) {
        input[i] = (int8_t)(low + (i < raised ? 1 : 0));
    }
}

static bool pool(int round) {
    birdnet_pool_t layer = {.input = draw_shape(between(1, 40)), .window = draw_window()};
    birdnet_window_t *w = &layer.window;
    const birdnet_output_t result = draw_output();
    layer.minimum = result.minimum;
    layer.maximum = result.maximum;
    const bool large = one_in(8);
    if (large) {
        layer.input = (birdnet_shape_t){2 * between(10, 125) + 1, between(20, 250), 1};
        *w = (birdnet_window_t){layer.input.height, layer.input.width, 1, 1, 0, 0};
    }
    layer.output = (birdnet_shape_t){
        .height = output_size(layer.input.height, w->stride_height, w->pad_top),
        .width = output_size(layer.input.width, w->stride_width, w->pad_left),
        .channels = layer.input.channels,
    };
    if (large) {
        layer.output.height = layer.output.width = between(1, 2);
    }
    const bool mean = one_in(2);
    const int32_t pixels = layer.input.height * layer.input.width;
    input = draw_values(input_area, pixels * layer.input.channels);
    if (mean && one_in(2)) {
        draw_near_half(pixels, layer.input.channels);
    }
    int8_t *next = expected;
    for (int32_t y = 0; y < layer.output.height; ++y) {
        for (int32_t x = 0; x < layer.output.width; ++x) {
            for (int32_t c = 0; c < layer.output.channels; ++c) {
                *next++ =
                    birdnet_clamp(pooled(&layer, y, x, c, mean), layer.minimum, layer.maximum);
            }
        }
    }
    const int32_t count =
        place_window_output(&layer.input, &layer.output, w, (int32_t)(next - expected));
    return agrees(mean ? "average_pool" : "max_pool", round, count,
                  mean ? birdnet_average_pool(&layer, input, output)
                       : birdnet_max_pool(&layer, input, output));
}

/** A part of the input, its dimensions in any order and backwards too, to a part of the output. */
static bool strided_copy(int round) {
    birdnet_strided_copy_t layer = {
        .sizes = {between(1, 3), between(1, 4), between(1, 5), between(1, 40)}};
    const bool far = one_in(8);
    if (far) {
        layer.sizes[0] = layer.sizes[1] = layer.sizes[2] = 1;
        layer.sizes[3] = between(1, 4);
    }
    int32_t *const strides[2] = {layer.input_strides, layer.output_strides};
    int32_t *const offsets[2] = {&layer.input_offset, &layer.output_offset};
    int32_t counts[2];
    for (int32_t side = 0; side < 2; ++side) {
        const uint32_t turn = one_in(2) ? 0 : draw();
        const int32_t apart = far ? (one_in(2) ? 8192 : 21846) + between(-2, 2) : between(1, 3);
        int32_t step = one_in(2) ? 1 : apart;
        for (uint32_t k = 0; k < 4; ++k) {
            const uint32_t d = (3u - k + turn) % 4;
            strides[side][d] = step;
            step *= layer.sizes[d] + (!far && one_in(4) ? 1 : 0);
        }
        *offsets[side] = one_in(2) ? 0 : between(1, 20);
        counts[side] = *offsets[side] + 1;
        for (int32_t d = 0; d < 4; ++d) {
            const int32_t reach = (layer.sizes[d] - 1) * strides[side][d];
            counts[side] += reach;
            if (one_in(8)) {
                strides[side][d] = -strides[side][d];
                *offsets[side] += reach;
            }
        }
    }
    input = draw_values(input_area, counts[0]);
    place_output(counts[1]);
    memcpy(expected, output, (size_t)counts[1]);
    for (int32_t i = 0; i < count_of(layer.sizes); ++i) {
        expected[layer.output_offset + place_of(i, layer.sizes, layer.output_strides)] =
            input[layer.input_offset + place_of(i, layer.sizes, layer.input_strides)];
    }
    return agrees("strided_copy", round, counts[1], birdnet_strided_copy(&layer, input, output));
}

static bool fill(int round) {
    const birdnet_fill_t layer = {.elements = between(1, 100), .value = between(-128, 127)};
    memset(expected, layer.value, (size_t)layer.elements);
    place_output(layer.elements);
    return agrees("fill", round, layer.elements, birdnet_fill(&layer, output));
}

static bool mean(int round) {
    const int32_t reduced = between(1, 60);
    const birdnet_mean_t layer = {
        .outer = between(1, 3),
        .reduced = reduced,
        .inner = between(1, 40),
        .offset = -draw_zero_point() * reduced,
        .scale = {.multiplier = draw_multiplier(), .shift = between(-31, room(reduced << 8))},
        .result = draw_output(),
    };
    input = draw_values(input_area, layer.outer * reduced * layer.inner);
    int8_t *next = expected;
    for (int32_t a = 0; a < layer.outer; ++a) {
        for (int32_t c = 0; c < layer.inner; ++c) {
            int32_t sum = layer.offset;
            for (int32_t b = 0; b < reduced; ++b) {
                sum += input[(a * reduced + b) * layer.inner + c];
            }
            *next++ = finish(sum, layer.scale.multiplier, layer.scale.shift, layer.result);
        }
    }
    place_output((int32_t)(next - expected));
    return agrees("mean", round, (int32_t)(next - expected), birdnet_mean(&layer, input, output));
}

static bool fully_connected(int number) {
    const int32_t channels = between(1, 80);
    birdnet_fully_connected_t layer = {
        .rows = between(1, 4),
        .input_channels = channels,
        .output_channels = between(1, 40),
        .result = draw_output(),
        .weights = weights,
        .bias = bias,
        .scales = scales,
    };
    input = draw_values(input_area, layer.rows * channels);
    weights = draw_values(weights_area, even(layer.output_channels) * channels);
    draw_channels(layer.output_channels, (int64_t)channels << 14);
    layer.weights = weights;
    layer.bias = bias;
    scales = place(scales_area, 8 * layer.output_channels);
    layer.scales = scales;
    int8_t *next = expected;
    for (int32_t o = 0; o < layer.output_channels; ++o) {
        /* Halves as often as not, in both directions. */
        scales[o] = one_in(2) ? ldexp(1.0, -between(1, 12)) : ldexp(draw(), -between(31, 44));
    }
    for (int32_t r = 0; r < layer.rows; ++r) {
        for (int32_t o = 0; o < layer.output_channels; ++o) {
            int32_t sum = bias[o];
            for (int32_t c = 0; c < channels; ++c) {
                sum += weights[o * channels + c] * input[r * channels + c];
            }
            *next++ = birdnet_clamp((int32_t)round(scales[o] * sum) + layer.result.zero_point,
                                    layer.result.minimum, layer.result.maximum);
        }
    }
    place_output((int32_t)(next - expected));
    return agrees("fully_connected", number, (int32_t)(next - expected),
                  birdnet_fully_connected(&layer, input, output));
}

/** A value to quantize: on a half or one float beside it, or none of a grid's. */
static float draw_value(float scale) {
    static const float ends[] = {0.0f, -0.0f, FLT_MAX, -FLT_MAX, INFINITY, -INFINITY, NAN, FLT_MIN};
    if (one_in(16)) {
        return ends[draw() % 8];
    }
    const float half = ((float)between(-300, 300) + 0.5f) * scale;
    return one_in(2) ? half : nextafterf(half, one_in(2) ? INFINITY : -INFINITY);
}

static bool quantize(int round) {
    const birdnet_affine_t layer = {
        .elements = between(1, 500),
        .scale = one_in(2) ? ldexpf(1.0f, -between(0, 20)) : (float)between(1, 1 << 24) * 0x1p-30f,
        .zero_point = draw_zero_point(),
    };
    const int32_t stride = one_in(2) ? 1 : between(2, 20);
    const int32_t count = (layer.elements - 1) * stride + 1;
    float *const values = place(input_area, 4 * layer.elements);
    place_output(count);
    memcpy(expected, output, (size_t)count);
    for (int32_t i = 0; i < layer.elements; ++i) {
        values[i] = draw_value(layer.scale);
        const float steps = isnan(values[i]) ? 0.0f : roundf(values[i] / layer.scale);
        const float inside = fminf(fmaxf(steps, -1000.0f), 1000.0f);
        expected[i * stride] = birdnet_clamp((int32_t)inside + layer.zero_point, -128, 127);
    }
    return agrees("quantize", round, count, birdnet_quantize_to(&layer, values, output, stride));
}

static bool dequantize(int round) {
    const birdnet_affine_t layer = {
        .elements = between(1, 500),
        .scale = (float)between(1, 1 << 24) * 0x1p-30f,
        .zero_point = draw_zero_point(),
    };
    const int32_t bytes = (int32_t)sizeof(float) * layer.elements;
    input = draw_values(input_area, layer.elements);
    for (int32_t i = 0; i < layer.elements; ++i) {
        const float value = layer.scale * (float)(input[i] - layer.zero_point);
        memcpy(expected + sizeof(float) * (size_t)i, &value, sizeof value);
    }
    place_output(bytes);
    return agrees("dequantize", round, bytes,
                  birdnet_dequantize(&layer, input, (float *)(void *)output));
}

int main(void) {
    static const struct {
        const char *name;
        bool (*agrees)(int);
    } checks[] = {
        {"pointwise_conv2d", pointwise},
        {"pointwise_conv2d_add", pointwise_add},
        {"conv2d", conv2d},
        {"depthwise_conv2d", depthwise_conv2d},
        {"fully_connected", fully_connected},
        {"mean", mean},
        {"average_pool, max_pool", pool},
        {"add, subtract", add},
        {"multiply", multiply},
        {"maximum, minimum", extremum},
        {"lookup, channel_lookup", lookup},
        {"strided_copy", strided_copy},
        {"fill", fill},
        {"quantize", quantize},
        {"dequantize", dequantize},
    };
    bool all = true;
    board_init();
    guard_areas();
    for (size_t k = 0; k < sizeof checks / sizeof checks[0]; ++k) {
        /* A fault names no kernel: what is printed last does. */
        console_text(checks[k].name);
        console_text("\n");
        int round = 0;
        while (round < ROUNDS && checks[k].agrees(round)) {
            ++round;
        }
        all = all && round == ROUNDS;
    }
    if (halves == 0) {
        console_text("no sum on a half was drawn\n");
        all = false;
    }
    if (all) {
        console_text("all agree\n");
    }
    return all ? 0 : 1;
}
