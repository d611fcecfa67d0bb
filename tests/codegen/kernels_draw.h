/* Random layers at the ends of their ranges, and the comparison of what kernels make of them.
 *
 * Every array that a kernel gets lies against the end or the start of an area of its own, around
 * which nothing may be touched: on the host AddressSanitizer sees to it, on the core the MPU. */
#ifndef KERNELS_DRAW_H
#define KERNELS_DRAW_H

#include "birdnet_kernels.h"
#include "birdnet_requantize.h"
#include "console.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define ROUNDS 600
#define CAPACITY 67584

/** Of the emulator, which checks whole pages quickly and parts of them access by access. */
#define PAGE 1024
#define AREAS 8

#if defined(__arm__)
#include "board.h"

#define OF_ITS_OWN __attribute__((aligned(PAGE), section(".birdnet_buffers")))
#else
#include <sanitizer/asan_interface.h>
#include <stdio.h>

#define OF_ITS_OWN __attribute__((aligned(16)))

static void board_init(void) {
}

void console_write(const char *text, size_t length) {
    fwrite(text, 1, length, stdout);
}
#endif

/** The areas; the pages between them are those that nothing may touch. */
OF_ITS_OWN static struct {
    int8_t before[PAGE];
    struct {
        int8_t values[CAPACITY];
        int8_t behind[PAGE];
    } areas[AREAS];
} guarded;

static int8_t *const input_area = guarded.areas[0].values;
static int8_t *const second_area = guarded.areas[1].values;
static int8_t *const weights_area = guarded.areas[2].values;
static int8_t *const bias_area = guarded.areas[3].values;
static int8_t *const multipliers_area = guarded.areas[4].values;
static int8_t *const shifts_area = guarded.areas[5].values;
static int8_t *const scales_area = guarded.areas[6].values;
static int8_t *const output_area = guarded.areas[7].values;

static int8_t *input;
static int8_t *second;
static int8_t *weights;
static int32_t *bias;
static int32_t *multipliers;
static int8_t *shifts;
static double *scales;
static int8_t *output;
static int8_t expected[CAPACITY];

#if defined(__arm__)
/** Memory protection unit of Armv8-M: what lies in no region faults. */
typedef struct {
    uint32_t type;
    uint32_t control;
    uint32_t region;
    uint32_t begin;
    uint32_t limit;
    uint32_t others[7];
    uint32_t attributes;
} mpu_t;

#define MPU ((volatile mpu_t *)0xE000ED90u)
#define ENABLE 1u

static void permit(uint32_t region, uint32_t begin, uint32_t bytes) {
    MPU->region = region;
    MPU->begin = begin;
    MPU->limit = (begin + bytes - 32u) | ENABLE;
}

static void guard_areas(void) {
    const uint32_t normal_memory = 0x44u;
    /* Code, data and constants, as the board's linker script lays them. */
    permit(0, 0x10000000u, 0x80000u);
    permit(1, 0x30000000u, 0x80000u);
    permit(2, 0x70000000u, 0x1000000u);
    for (uint32_t i = 0; i < AREAS; ++i) {
        permit(3 + i, (uint32_t)guarded.areas[i].values, CAPACITY);
    }
    MPU->attributes = normal_memory;
    MPU->control = ENABLE;
    __asm volatile("dsb\nisb" ::: "memory");
}
#else
static void guard_areas(void) {
    ASAN_POISON_MEMORY_REGION(guarded.before, PAGE);
    for (size_t i = 0; i < AREAS; ++i) {
        ASAN_POISON_MEMORY_REGION(guarded.areas[i].behind, PAGE);
    }
}
#endif

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

/** So many bytes against the end of an area or, if they may, against its start. */
static void *place(int8_t *area, int32_t bytes) {
    return one_in(4) ? area : area + CAPACITY - bytes;
}

/** All values; now and then only the ends of the range. */
static int8_t *draw_values(int8_t *area, int32_t count) {
    int8_t *const values = place(area, count);
    const uint32_t kind = draw() % 8;
    for (int32_t i = 0; i < count; ++i) {
        values[i] = kind == 0   ? INT8_MIN
                    : kind == 1 ? INT8_MAX
                    : kind == 2 ? (one_in(2) ? INT8_MIN : INT8_MAX)
                                : (int8_t)between(-128, 127);
    }
    return values;
}

static int32_t draw_zero_point(void) {
    static const int32_t ends[] = {-128, 127, 0};
    return one_in(2) ? ends[draw() % 3] : between(-128, 127);
}

static birdnet_output_t draw_output(void) {
    birdnet_output_t result = {.zero_point = draw_zero_point(), .minimum = -128, .maximum = 127};
    if (one_in(2)) {
        result.minimum = result.zero_point - (one_in(2) && result.zero_point > -128 ? 1 : 0);
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
    const int32_t padded = (channels + 3) / 4 * 4;
    bias = place(bias_area, 4 * padded);
    multipliers = place(multipliers_area, 4 * padded);
    shifts = place(shifts_area, padded);
    for (int32_t o = 0; o < padded; ++o) {
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

/** What draw_channels() has drawn and the weights, as parameters of any convolution. */
#define USE_CHANNELS(layer)                                                                        \
    ((layer).weights = weights, (layer).bias = bias, (layer).multipliers = multipliers,            \
     (layer).shifts = shifts)

/** Rows of weights are padded to an even number. */
static int32_t even(int32_t rows) {
    return (rows + 1) / 2 * 2;
}

/** Elements of the output's area that count, before the output and behind so many of its own. */
static int32_t before_output(void) {
    const int32_t all = (int32_t)(output - output_area);
    return all < PAGE ? all : PAGE;
}

static int32_t behind_output(int32_t bytes) {
    const int32_t all = (int32_t)(output_area + CAPACITY - output) - bytes;
    return all < PAGE ? all : PAGE;
}

/** Places an output of so many bytes; what is around it is known. */
static void place_output(int32_t bytes) {
    output = place(output_area, bytes);
    memset(output - before_output(), 0x5A,
           (size_t)(before_output() + bytes + behind_output(bytes)));
}

static void number(const char *name, int32_t value) {
    console_text(name);
    console_text(value < 0 ? "-" : "");
    console_unsigned(value < 0 ? 0u - (uint32_t)value : (uint32_t)value);
}

static bool agrees(const char *kernel, int round, int32_t count, birdnet_status_t status) {
    for (int32_t i = -before_output(); i < count + behind_output(count); ++i) {
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

/** Both operands of an elementwise layer: each dimension repeats in one of them, or in none. */
static birdnet_broadcast_t draw_operands(void) {
    birdnet_broadcast_t shape = {
        .sizes = {between(1, 2), between(1, 2), between(1, 3), between(1, 40)}};
    int32_t first_count = 1;
    int32_t second_count = 1;
    const uint32_t repeats = one_in(2) ? 0 : draw();
    for (int32_t i = 3; i >= 0; --i) {
        const bool first_repeats = (repeats >> i & 1u) != 0;
        const bool second_repeats = !first_repeats && (repeats >> (i + 4) & 1u) != 0;
        shape.first_strides[i] = first_repeats ? 0 : first_count;
        shape.second_strides[i] = second_repeats ? 0 : second_count;
        first_count *= first_repeats ? 1 : shape.sizes[i];
        second_count *= second_repeats ? 1 : shape.sizes[i];
    }
    input = draw_values(input_area, first_count);
    second = draw_values(second_area, second_count);
    return shape;
}

static int32_t count_of(const int32_t sizes[4]) {
    return sizes[0] * sizes[1] * sizes[2] * sizes[3];
}

/** Where element `i` of a walk is. */
static int32_t place_of(int32_t i, const int32_t sizes[4], const int32_t strides[4]) {
    const int32_t rest = i / sizes[3];
    return i % sizes[3] * strides[3] + rest % sizes[2] * strides[2] +
           rest / sizes[2] % sizes[1] * strides[1] + rest / sizes[2] / sizes[1] * strides[0];
}

/** Places the output; now and then it is an operand that does not repeat. */
static void place_result(const birdnet_broadcast_t *shape) {
    const int32_t count = count_of(shape->sizes);
    const int32_t last = count - 1;
    place_output(count);
    if (one_in(4) && place_of(last, shape->sizes, shape->first_strides) == last) {
        memcpy(output, input, (size_t)count);
        input = output;
    } else if (one_in(4) && place_of(last, shape->sizes, shape->second_strides) == last) {
        memcpy(output, second, (size_t)count);
        second = output;
    }
}

/**
 * Places the output of a sliding window as the memory plan may: its end in the rows of the input
 * that have served. What remains of the input is expected as it was.
 *
 * @return how many elements, from the output's first to the input's last
 */
static int32_t place_over_input(const birdnet_shape_t *read, const birdnet_shape_t *written,
                                const birdnet_window_t *window) {
    const int32_t read_row = read->width * read->channels;
    const int32_t written_row = written->width * written->channels;
    const int32_t read_count = read->height * read_row;
    const int32_t written_count = written->height * written_row;
    int32_t lead = 0;
    for (int32_t y = 0; y < written->height; ++y) {
        const int32_t top = y * window->stride_height - window->pad_top;
        const int32_t needed = (y + 1) * written_row - (top < 0 ? 0 : top) * read_row;
        lead = needed > lead ? needed : lead;
    }
    const int32_t end = lead + read_count;
    const int32_t count = end > written_count ? end : written_count;
    place_output(count);
    memcpy(output + lead, input, (size_t)read_count);
    input = output + lead;
    memcpy(expected + written_count, output + written_count, (size_t)(count - written_count));
    return count;
}

#endif
