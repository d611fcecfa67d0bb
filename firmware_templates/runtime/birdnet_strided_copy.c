#include "birdnet_kernels.h"

#include <stddef.h>
#include <string.h>

#if !defined(__ARM_FEATURE_MVE)

static void copy_row(const int8_t *from, int32_t from_stride, int8_t *to, int32_t to_stride,
                     int32_t count) {
    /* Four bytes at a time, because memcpy() of small C libraries copies byte by byte. */
    while (from_stride == 1 && to_stride == 1 && count >= 4) {
        uint32_t four;
        memcpy(&four, from, sizeof four);
        memcpy(to, &four, sizeof four);
        from += 4;
        to += 4;
        count -= 4;
    }
    for (; count > 0; --count) {
        *to = *from;
        from += from_stride;
        to += to_stride;
    }
}

birdnet_status_t birdnet_strided_copy(const birdnet_strided_copy_t *layer, const int8_t *input,
                                      int8_t *output) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const int32_t *in = layer->input_strides;
    const int32_t *out = layer->output_strides;
    for (int32_t i0 = 0; i0 < layer->sizes[0]; ++i0) {
        for (int32_t i1 = 0; i1 < layer->sizes[1]; ++i1) {
            for (int32_t i2 = 0; i2 < layer->sizes[2]; ++i2) {
                const int32_t from = layer->input_offset + i0 * in[0] + i1 * in[1] + i2 * in[2];
                const int32_t to = layer->output_offset + i0 * out[0] + i1 * out[1] + i2 * out[2];
                copy_row(input + from, in[3], output + to, out[3], layer->sizes[3]);
            }
        }
    }
    return BIRDNET_OK;
}

#endif
