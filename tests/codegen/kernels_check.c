/* Every kernel against its equation on extremes, drawn at random. Prints the first difference of
 * each. */
#include "kernels_draw.h"

#include <float.h>

static bool pointwise(int round) {
    const int32_t channels = one_in(3) ? 16 << (draw() % 4) : between(1, 90);
    const birdnet_pointwise_conv2d_t layer = {
        .pixels = between(1, 8),
        .input_channels = channels,
        .output_channels = one_in(3) ? 16 * between(1, 6) : between(1, 90),
        .result = draw_output(),
        .weights = weights,
        .bias = bias,
        .multipliers = multipliers,
        .shifts = shifts,
    };
    fill(input, layer.pixels * channels);
    fill(weights, (layer.output_channels + 1) * channels);
    draw_channels(layer.output_channels, (int64_t)channels << 14);
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
    prepare_output();
    return agrees("pointwise_conv2d", round, layer.pixels * layer.output_channels,
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
        .weights = weights,
        .bias = bias,
        .multipliers = multipliers,
        .shifts = shifts,
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
    fill(input, layer.pixels * channels);
    fill(second, count);
    fill(weights, (layer.output_channels + 1) * channels);
    draw_channels(layer.output_channels, (int64_t)channels << 14);
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
    prepare_output();
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
    const birdnet_lookup_t one = {.elements = pixels, .table = weights};
    const bool turned = !single && one_in(2);
    const birdnet_channel_lookup_t several = {
        .pixels = pixels,
        .channels = channels,
        .pixel_stride = turned ? 1 : channels,
        .channel_stride = turned ? pixels : 1,
        .tables = weights,
    };
    fill(input, pixels * channels);
    fill(weights, 256 * channels);
    for (int32_t p = 0; p < pixels; ++p) {
        for (int32_t c = 0; c < channels; ++c) {
            expected[p * several.pixel_stride + c * several.channel_stride] =
                weights[256 * c + input[p * channels + c] + 128];
        }
    }
    prepare_output();
    memcpy(output, input, (size_t)(pixels * channels));
    const int8_t *from = turned ? input : output;
    return agrees(single ? "lookup" : "channel_lookup", round, pixels * channels,
                  single ? birdnet_lookup(&one, from, output)
                         : birdnet_channel_lookup(&several, from, output));
}

static bool conv2d(int round) {
    birdnet_conv2d_t layer = {
        .input = draw_shape(one_in(2) ? 1 : between(1, 9)),
        .window = draw_window(),
        .input_zero_point = draw_zero_point(),
        .result = draw_output(),
        .weights = weights,
        .bias = bias,
        .multipliers = multipliers,
        .shifts = shifts,
    };
    const birdnet_window_t *w = &layer.window;
    layer.output.height = output_size(layer.input.height, w->stride_height, w->pad_top);
    layer.output.width = output_size(layer.input.width, w->stride_width, w->pad_left);
    layer.output.channels = between(1, 70);
    const int32_t channels = layer.input.channels;
    const int32_t values = w->height * w->width * channels;
    const int32_t stride = (values + 15) / 16 * 16;
    fill(input, layer.input.height * layer.input.width * channels);
    fill(weights, (layer.output.channels + 1) * stride);
    for (int32_t o = 0; o < layer.output.channels; ++o) {
        memset(weights + o * stride + values, 0, (size_t)(stride - values));
    }
    draw_channels(layer.output.channels, (int64_t)values << 14);
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
    prepare_output();
    return agrees("conv2d", round, (int32_t)(next - expected),
                  birdnet_conv2d(&layer, input, output));
}

static bool depthwise_conv2d(int round) {
    birdnet_depthwise_conv2d_t layer = {
        .input = draw_shape(one_in(2) ? 4 * between(1, 5) : between(1, 21)),
        .window = draw_window(),
        .depth_multiplier = one_in(4) ? between(2, 3) : 1,
        .input_zero_point = draw_zero_point(),
        .result = draw_output(),
        .weights = weights,
        .bias = bias,
        .multipliers = multipliers,
        .shifts = shifts,
    };
    const birdnet_window_t *w = &layer.window;
    layer.output.height = output_size(layer.input.height, w->stride_height, w->pad_top);
    layer.output.width = output_size(layer.input.width, w->stride_width, w->pad_left);
    layer.output.channels = layer.input.channels * layer.depth_multiplier;
    const int32_t channels = layer.output.channels;
    fill(input, layer.input.height * layer.input.width * layer.input.channels);
    fill(weights, w->height * w->width * channels);
    draw_channels(channels, (int64_t)w->height * w->width << 14);
    int8_t *next = expected;
    for (int32_t y = 0; y < layer.output.height; ++y) {
        for (int32_t x = 0; x < layer.output.width; ++x) {
            for (int32_t o = 0; o < channels; ++o) {
                int32_t sum = bias[o];
                for (int32_t k = 0; k < w->height * w->width; ++k) {
                    const int32_t row = y * w->stride_height - w->pad_top + k / w->width;
                    const int32_t column = x * w->stride_width - w->pad_left + k % w->width;
                    sum += weights[k * channels + o] * value_at(&layer.input, row, column,
                                                                o / layer.depth_multiplier,
                                                                layer.input_zero_point);
                }
                *next++ = finish(sum, multipliers[o], shifts[o], layer.result);
            }
        }
    }
    prepare_output();
    return agrees("depthwise_conv2d", round, (int32_t)(next - expected),
                  birdnet_depthwise_conv2d(&layer, input, output));
}

static bool add(int round) {
    const birdnet_scale_t half = {.multiplier = INT32_C(1) << 30, .shift = 0};
    const birdnet_scale_t other = {.multiplier = draw_multiplier(), .shift = between(-31, 0)};
    const bool swap = one_in(2);
    birdnet_add_t layer = {
        .shape = {.sizes = {1, between(1, 2), between(1, 3), between(1, 40)}},
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
    int32_t *sizes = layer.shape.sizes;
    int32_t first_step = 1;
    int32_t second_step = 1;
    const uint32_t repeats = one_in(2) ? 0 : draw();
    for (int32_t i = 3; i >= 0; --i) {
        const bool first_repeats = (repeats >> i & 1u) != 0;
        const bool second_repeats = !first_repeats && (repeats >> (i + 4) & 1u) != 0;
        layer.shape.first_strides[i] = first_repeats ? 0 : first_step;
        layer.shape.second_strides[i] = second_repeats ? 0 : second_step;
        first_step *= first_repeats ? 1 : sizes[i];
        second_step *= second_repeats ? 1 : sizes[i];
    }
    const bool difference = one_in(4);
    fill(input, first_step);
    fill(second, second_step);
    int8_t *next = expected;
    for (int32_t i = 0; i < sizes[0] * sizes[1] * sizes[2] * sizes[3]; ++i) {
        const int32_t index[4] = {i / sizes[3] / sizes[2] / sizes[1],
                                  i / sizes[3] / sizes[2] % sizes[1], i / sizes[3] % sizes[2],
                                  i % sizes[3]};
        int32_t a = 0;
        int32_t b = 0;
        for (int32_t d = 0; d < 4; ++d) {
            a += index[d] * layer.shape.first_strides[d];
            b += index[d] * layer.shape.second_strides[d];
        }
        const int32_t unit = INT32_C(1) << 20;
        const int32_t first_scaled =
            birdnet_requantize((input[a] - layer.first_zero_point) * unit,
                               layer.first_scale.multiplier, layer.first_scale.shift);
        const int32_t second_scaled =
            birdnet_requantize((second[b] - layer.second_zero_point) * unit,
                               layer.second_scale.multiplier, layer.second_scale.shift);
        *next++ = finish(difference ? first_scaled - second_scaled : first_scaled + second_scaled,
                         layer.result_scale.multiplier, layer.result_scale.shift, layer.result);
    }
    prepare_output();
    return agrees(difference ? "subtract" : "add", round, (int32_t)(next - expected),
                  difference ? birdnet_subtract(&layer, input, second, output)
                             : birdnet_add(&layer, input, second, output));
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
    fill(input, layer.outer * reduced * layer.inner);
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
    prepare_output();
    return agrees("mean", round, (int32_t)(next - expected), birdnet_mean(&layer, input, output));
}

static bool fully_connected(int number) {
    const int32_t channels = between(1, 80);
    const birdnet_fully_connected_t layer = {
        .rows = between(1, 4),
        .input_channels = channels,
        .output_channels = between(1, 40),
        .result = draw_output(),
        .weights = weights,
        .bias = bias,
        .scales = scales,
    };
    fill(input, layer.rows * channels);
    fill(weights, (layer.output_channels + 1) * channels);
    draw_channels(layer.output_channels, (int64_t)channels << 14);
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
    prepare_output();
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
    static float values[500];
    const birdnet_affine_t layer = {
        .elements = between(1, 500),
        .scale = one_in(2) ? ldexpf(1.0f, -between(0, 20)) : (float)between(1, 1 << 24) * 0x1p-30f,
        .zero_point = draw_zero_point(),
    };
    const int32_t stride = one_in(2) ? 1 : between(2, 20);
    const int32_t count = (layer.elements - 1) * stride + 1;
    prepare_output();
    memcpy(expected, output, (size_t)count);
    for (int32_t i = 0; i < layer.elements; ++i) {
        values[i] = draw_value(layer.scale);
        const float steps = isnan(values[i]) ? 0.0f : roundf(values[i] / layer.scale);
        const float inside = fminf(fmaxf(steps, -1000.0f), 1000.0f);
        expected[i * stride] = birdnet_clamp((int32_t)inside + layer.zero_point, -128, 127);
    }
    return agrees("quantize", round, count, birdnet_quantize_to(&layer, values, output, stride));
}

int main(void) {
    static bool (*const checks[])(int) = {pointwise, pointwise_add,   conv2d, depthwise_conv2d, add,
                                          mean,      fully_connected, lookup, quantize};
    bool all = true;
    board_init();
    for (size_t k = 0; k < sizeof checks / sizeof checks[0]; ++k) {
        int round = 0;
        while (round < ROUNDS && checks[k](round)) {
            ++round;
        }
        all = all && round == ROUNDS;
    }
    if (all) {
        console_text("all agree\n");
    }
    return all ? 0 : 1;
}
