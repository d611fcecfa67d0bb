/**
 * @file
 * The part of a sliding window that lies inside the input.
 */
#ifndef BIRDNET_WINDOW_H
#define BIRDNET_WINDOW_H

#include "birdnet_kernels.h"

/** Taps first to end - 1 of a window that begins at `origin`, which may be negative. */
typedef struct {
    int32_t origin;
    int32_t first;
    int32_t end;
} birdnet_taps_t;

/** The taps of the window at `position` that lie within [0, input_size). */
static inline birdnet_taps_t birdnet_taps(int32_t position, int32_t stride, int32_t pad,
                                          int32_t window_size, int32_t input_size) {
    const int32_t origin = position * stride - pad;
    const int32_t room = input_size - origin;
    return (birdnet_taps_t){
        .origin = origin,
        .first = origin < 0 ? -origin : 0,
        .end = room < window_size ? room : window_size,
    };
}

/** Positions first to end - 1, whose windows lie completely inside. There are none if end <= first.
 */
typedef struct {
    int32_t first;
    int32_t end;
} birdnet_inside_t;

static inline birdnet_inside_t birdnet_inside(int32_t stride, int32_t pad, int32_t window_size,
                                              int32_t input_size) {
    const int32_t room = input_size + pad - window_size;
    return (birdnet_inside_t){
        .first = (pad + stride - 1) / stride,
        .end = room < 0 ? 0 : room / stride + 1,
    };
}

/** Distance between the filters of birdnet_conv2d(): their size, rounded up to a multiple of 16. */
static inline int32_t birdnet_filter_stride(const birdnet_window_t *window, int32_t channels) {
    return (window->height * window->width * channels + 15) / 16 * 16;
}

#endif
