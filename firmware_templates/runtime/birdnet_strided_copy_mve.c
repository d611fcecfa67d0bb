/* birdnet_strided_copy() for cores with Helium. */
#include "birdnet_kernels.h"

#include <stddef.h>

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_mve.h"

/** The largest distance for which seven times the distance fits a 16-bit offset. */
#define MAX_STRIDE 8192u

typedef void copy_row_t(const int8_t *from, int32_t from_stride, int8_t *to, int32_t to_stride,
                        int32_t count);

/** Both strides are 1. */
static void copy_dense(const int8_t *from, int32_t from_stride, int8_t *to, int32_t to_stride,
                       int32_t count) {
    (void)from_stride;
    (void)to_stride;
    for (; count >= 16; count -= 16) {
        vstrbq_s8(to, vldrbq_s8(from));
        from += 16;
        to += 16;
    }
    const mve_pred16_t lanes = vctp8q((uint32_t)count);
    vstrbq_p_s8(to, vldrbq_z_s8(from, lanes), lanes);
}

/** Both strides are up to MAX_STRIDE. */
static void copy_apart(const int8_t *from, int32_t from_stride, int8_t *to, int32_t to_stride,
                       int32_t count) {
    const uint16x8_t order = vidupq_n_u16(0, 1);
    const uint16x8_t sources = vmulq_n_u16(order, (uint16_t)from_stride);
    const uint16x8_t targets = vmulq_n_u16(order, (uint16_t)to_stride);
    for (; count >= 8; count -= 8) {
        vstrbq_scatter_offset_s16(to, targets, vldrbq_gather_offset_s16(from, sources));
        from += 8 * from_stride;
        to += 8 * to_stride;
    }
    const mve_pred16_t lanes = vctp16q((uint32_t)count);
    const int16x8_t values = vldrbq_gather_offset_z_s16(from, sources, lanes);
    vstrbq_scatter_offset_p_s16(to, targets, values, lanes);
}

static void copy_any(const int8_t *from, int32_t from_stride, int8_t *to, int32_t to_stride,
                     int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
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
    copy_row_t *copy_row = copy_any;
    if (in[3] == 1 && out[3] == 1) {
        copy_row = copy_dense;
    } else if ((uint32_t)in[3] <= MAX_STRIDE && (uint32_t)out[3] <= MAX_STRIDE) {
        copy_row = copy_apart;
    }
    for (int32_t i0 = 0; i0 < layer->sizes[0]; ++i0) {
        for (int32_t i1 = 0; i1 < layer->sizes[1]; ++i1) {
            const int8_t *from = input + layer->input_offset + i0 * in[0] + i1 * in[1];
            int8_t *to = output + layer->output_offset + i0 * out[0] + i1 * out[1];
            for (int32_t i2 = layer->sizes[2]; i2 > 0; --i2) {
                copy_row(from, in[3], to, out[3], layer->sizes[3]);
                from += in[2];
                to += out[2];
            }
        }
    }
    return BIRDNET_OK;
}

#endif
