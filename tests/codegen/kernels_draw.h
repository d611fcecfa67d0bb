/* Random layers at the ends of their ranges, and the comparison of what kernels make of them. */
#ifndef KERNELS_DRAW_H
#define KERNELS_DRAW_H

#include "birdnet_kernels.h"
#include "birdnet_requantize.h"
#include "console.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#if defined(__arm__)
#include "board.h"
#else
#include <stdio.h>

static void board_init(void) {
}

void console_write(const char *text, size_t length) {
    fwrite(text, 1, length, stdout);
}
#endif

#define ROUNDS 400
#define CAPACITY 40000
#define GUARD 64

static int8_t input[CAPACITY];
static int8_t second[CAPACITY];
static int8_t weights[CAPACITY];
static int8_t expected[CAPACITY];
static int8_t memory[GUARD + CAPACITY + GUARD];
static int8_t *const output = memory + GUARD;
static int32_t bias[512];
static int32_t multipliers[512];
static int8_t shifts[512];
static double scales[512];

static uint64_t state = 1;

static uint32_t draw(void) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 33);
}

/** From `low` to `high`. */
static int32_t between(int32_t low, int32_t high) {
    return low + (int32_t)(draw() % (uint32_t)(high - low + 1));
}

static bool one_in(uint32_t count) {
    return draw() % count == 0;
}

/** All values; now and then only the ends of the range. */
static void fill(int8_t *values, int32_t count) {
    const uint32_t kind = draw() % 8;
    for (int32_t i = 0; i < count; ++i) {
        values[i] = kind == 0   ? INT8_MIN
                    : kind == 1 ? INT8_MAX
                    : kind == 2 ? (one_in(2) ? INT8_MIN : INT8_MAX)
                                : (int8_t)between(-128, 127);
    }
}

static int32_t draw_zero_point(void) {
    static const int32_t ends[] = {-128, 127, 0};
    return one_in(2) ? ends[draw() % 3] : between(-128, 127);
}

static birdnet_output_t draw_output(void) {
    birdnet_output_t result = {.zero_point = draw_zero_point(), .minimum = -128, .maximum = 127};
    if (one_in(2)) {
        result.minimum = result.zero_point;
    }
    if (one_in(3)) {
        result.minimum = between(-128, 127);
        result.maximum = between(result.minimum, 127);
    }
    return result;
}

static int32_t draw_multiplier(void) {
    static const int32_t ends[] = {INT32_MAX, INT32_C(1) << 30, INT32_MAX - 1, 0};
    return one_in(4) ? ends[draw() % 4] : (INT32_C(1) << 30) + (int32_t)(draw() % (1u << 30));
}

/** Bits that a number up to `largest` leaves free below the sign. */
static int32_t room(int64_t largest) {
    int32_t bits = 0;
    while ((largest << (bits + 1)) < INT32_MAX) {
        ++bits;
    }
    return bits;
}

/** Channels padded to a multiple of 4 with what must not matter. */
static void draw_channels(int32_t channels, int64_t largest_sum) {
    const int32_t left = room(2 * largest_sum);
    const uint32_t kind = draw() % 4;
    for (int32_t o = 0; o < (channels + 3) / 4 * 4; ++o) {
        bias[o] = between((int32_t)-largest_sum, (int32_t)largest_sum);
        multipliers[o] = draw_multiplier();
        shifts[o] = (int8_t)(kind == 0   ? between(-31, left)
                             : kind == 1 ? between(-31, -1)
                             : kind == 2 ? between(-2, 0)
                                         : between(-12, -5));
    }
}

static int8_t finish(int32_t sum, int32_t multiplier, int32_t shift, birdnet_output_t result) {
    const int32_t scaled = birdnet_requantize(sum, multiplier, shift);
    return birdnet_clamp(scaled + result.zero_point, result.minimum, result.maximum);
}

static void prepare_output(void) {
    memset(memory, 0x5A, sizeof memory);
}

static void number(const char *name, int32_t value) {
    console_text(name);
    console_text(value < 0 ? "-" : "");
    console_unsigned(value < 0 ? 0u - (uint32_t)value : (uint32_t)value);
}

static bool agrees(const char *kernel, int round, int32_t count, birdnet_status_t status) {
    for (int32_t i = -GUARD; i < CAPACITY + GUARD; ++i) {
        const int8_t wanted = i >= 0 && i < count ? expected[i] : 0x5A;
        if (status != BIRDNET_OK || output[i] != wanted) {
            console_text(kernel);
            number(" round ", round);
            number(" of so many elements ", count);
            number(" one is wrong: ", i);
            number(" is ", output[i]);
            number(" instead of ", wanted);
            console_text("\n");
            return false;
        }
    }
    return true;
}

/** The size of an output whose windows all touch the input. */
static int32_t output_size(int32_t input_size, int32_t stride, int32_t pad) {
    return (input_size + pad - 1) / stride + 1;
}

static birdnet_window_t draw_window(void) {
    const int32_t height = one_in(2) ? 3 : between(1, 5);
    const int32_t width = one_in(2) ? 3 : between(1, 5);
    return (birdnet_window_t){
        .height = height,
        .width = width,
        .stride_height = between(1, 3),
        .stride_width = between(1, 3),
        .pad_top = between(0, height - 1),
        .pad_left = between(0, width - 1),
    };
}

static birdnet_shape_t draw_shape(int32_t channels) {
    return (birdnet_shape_t){
        .height = between(1, 7),
        .width = one_in(4) ? 1 : between(1, 14),
        .channels = channels,
    };
}

static int32_t value_at(const birdnet_shape_t *shape, int32_t row, int32_t column, int32_t channel,
                        int32_t outside) {
    const bool inside = row >= 0 && row < shape->height && column >= 0 && column < shape->width;
    return inside ? input[(row * shape->width + column) * shape->channels + channel] : outside;
}

#endif
