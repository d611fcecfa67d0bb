/**
 * @file
 * Computes the features of a model from a window of PCM.
 *
 * All numbers and tables of a front end are in a configuration that is generated with the model
 * (birdnet_frontend_config.h). The functions keep no state.
 *
 * A spectrogram is one buffer of `frames * rows` floats in the layout of the model. The value of
 * row r in frame f is at `f * frame_stride + r * row_stride`. A row is an FFT bin or a mel band.
 *
 * That buffer is for callers who need the floats. birdnet_frontend_quantize() computes the int8
 * input of a network without it. It works on one frame at a time and keeps 16 bits of each value
 * until the smallest and the largest value of the window are known.
 *
 * If the first layers of a model run in float, the front end has a mixer. It sums the bins of each
 * frame to bands at once. Therefore the spectrogram, which is several times larger than the
 * features, is never in memory. With a mixer a row is a band, and the channels of a band are
 * adjacent.
 */
#ifndef BIRDNET_FRONTEND_H
#define BIRDNET_FRONTEND_H

#include <stddef.h>
#include <stdint.h>

#include "birdnet_status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The kind of features. */
typedef enum {
    BIRDNET_FRONTEND_HYBRID, /**< magnitude STFT */
    BIRDNET_FRONTEND_MEL,    /**< mel bands of the magnitude STFT */
    BIRDNET_FRONTEND_RAW,    /**< the waveform */
} birdnet_frontend_kind_t;

/** The function that is applied to every value of a spectrogram before it is scaled to [0, 1]. */
typedef enum {
    BIRDNET_COMPRESSION_NONE,
    BIRDNET_COMPRESSION_SQRT,
    BIRDNET_COMPRESSION_LOG, /**< natural logarithm, with values below `log_floor_ratio` of the peak
                                raised to that */
} birdnet_compression_t;

/** The first layers of a model in float: y = slope * x + sum of factor * max(0, hinge slope * x +
 * hinge offset), where x is the energy of a band; then y is split into sub-ranges. */
typedef struct {
    uint32_t hinges;            /**< hinges of each band; with 0 there is only the slope */
    uint32_t channels;          /**< channels of each band: one for each sub-range, or 1 */
    const float *weight_sums;   /**< sum of the weights of each band */
    const float *slopes;        /**< of each band */
    const float *hinge_factors; /**< hinges * rows values, hinge after hinge; like the next two */
    const float *hinge_slopes;
    const float *hinge_offsets;
    const float *subrange_ends; /**< upper end of each sub-range, ascending; or NULL */
} birdnet_frontend_mixer_t;

/** The front end of one model. A waveform uses only the first members and `peak_epsilon`. */
typedef struct {
    birdnet_frontend_kind_t kind;
    birdnet_compression_t compression;
    uint32_t steps;            /**< see birdnet_frontend_step */
    uint32_t window_samples;   /**< PCM samples of one window */
    uint32_t feature_elements; /**< floats of the features of one window */
    uint32_t scratch_elements; /**< doubles of scratch; 0 for a waveform */
    uint32_t workspace_bytes;  /**< see birdnet_frontend_quantize */
    uint32_t fft_length;       /**< samples of a frame, see birdnet_fft.h */
    uint32_t hop_samples;      /**< frame f is centred on sample f * hop_samples */
    uint32_t frames;       /**< frames of a window; the centre of the last one is inside of it */
    uint32_t bins;         /**< FFT bins in use: fft_length / 2, or one more with Nyquist */
    uint32_t rows;         /**< values of a frame: bins, or mel bands */
    uint32_t frame_stride; /**< floats from a value to that of the next frame */
    uint32_t row_stride;   /**< floats elements from a value to that of the next row */
    const double *taper;   /**< fft_length values: periodic Hann window / 32768 */
    const double *sine;    /**< fft_length values: sin(2 pi k / fft_length) */
    const int32_t *fixed_taper;     /**< rising half of the Hann window * 2^31; see birdnet_fft.h */
    const int32_t *fixed_twiddles;  /**< as birdnet_fft_magnitudes() takes them */
    const uint16_t *mel_first_bins; /**< the first bin of each band; unused where rows are bins */
    const uint16_t *mel_bin_counts; /**< the number of bins of each band */
    const float *mel_weights;       /**< the weights of all bins of all bands, band after band */
    const birdnet_frontend_mixer_t *mixer; /**< NULL if all layers belong to the network */
    float log_floor_ratio;                 /**< floor of the logarithm, relative to the peak */
    float min_max_epsilon; /**< added to a spectrogram's range before dividing by it */
    float peak_epsilon;    /**< added to a waveform's peak before dividing by it */
} birdnet_frontend_config_t;

/** The place and the quantization of the int8 features. */
typedef struct {
    int8_t *values;     /**< address of the first row of the first frame, or of the first sample */
    float scale;        /**< real = scale * (int8 - zero_point) */
    int32_t zero_point; /**< from INT8_MIN to INT8_MAX */
    uint32_t frame_stride;   /**< elements from a value to that of the next frame; for spectrograms,
                                like the next two */
    uint32_t row_stride;     /**< elements from a value to that of the next row */
    uint32_t channel_stride; /**< elements from a value to that of the next channel; for a mixer */
} birdnet_frontend_target_t;

/**
 * Compute all steps and birdnet_quantize() of their result, without ever holding the features in
 * memory.
 *
 * Scaling needs the smallest and the largest value of the window, which are known when the last
 * frame has been transformed. Until then 16 bits of each value are kept, relative to the largest
 * value of its frame. Nearly all int8 values follow from these 16 bits. A frame with a value that
 * might not follow is transformed a second time, so the result is the same. The int8 values of a
 * logarithm do not follow from 16 bits. For it all frames are transformed twice, and the smallest
 * and the largest value are the logarithms of the smallest and the largest magnitude.
 *
 * @param[in]  config     the model's front end
 * @param[out] target     `values` may lie within the workspace
 * @param[in]  pcm        `window_samples` samples
 * @param[out] scratch    `scratch_elements` values, overwritten
 * @param[out] workspace  `workspace_bytes` bytes, overwritten, aligned to 4
 * @return BIRDNET_ERROR_ARGUMENT if a pointer is null (scratch may be null if none is needed), or
 * if there are gaps between the values and no mixer
 */
birdnet_status_t birdnet_frontend_quantize(const birdnet_frontend_config_t *config,
                                           const birdnet_frontend_target_t *target,
                                           const int16_t *pcm, double *scratch, void *workspace);

/**
 * First step without a mixer: magnitude STFT of centred, zero-padded frames, or its mel bands. For
 * a waveform it is the samples / 32768.
 *
 * @param[in]  config       the model's front end
 * @param[in]  pcm          `window_samples` samples
 * @param[out] scratch      `scratch_elements` values, overwritten
 * @param[out] spectrogram  `feature_elements` floats
 * @return BIRDNET_ERROR_ARGUMENT if a pointer is null (scratch may be null if none is needed) or
 * there is a mixer
 */
birdnet_status_t birdnet_frontend_magnitude(const birdnet_frontend_config_t *config,
                                            const int16_t *pcm, double *scratch,
                                            float *spectrogram);

/**
 * Second step without a mixer: compression, in place. It does nothing for a waveform.
 *
 * @param[in]     config       the model's front end
 * @param[in,out] spectrogram  `feature_elements` floats of the first step
 * @return BIRDNET_ERROR_ARGUMENT if a pointer is null or there is a mixer
 */
birdnet_status_t birdnet_frontend_compress(const birdnet_frontend_config_t *config,
                                           float *spectrogram);

/**
 * Last step without a mixer: scale a spectrogram to [0, 1] or a waveform to [-1, 1], in place.
 * Silence becomes 0.
 *
 * @param[in]     config       the model's front end
 * @param[in,out] spectrogram  `feature_elements` floats of the second step
 * @return BIRDNET_ERROR_ARGUMENT if a pointer is null or there is a mixer
 */
birdnet_status_t birdnet_frontend_normalize(const birdnet_frontend_config_t *config,
                                            float *spectrogram);

/**
 * First step with a mixer: compressed magnitudes of centred, zero-padded frames, scaled to [0, 1],
 * mixed to bands and scaled piecewise. The lower limit of a logarithm depends on the peak of the
 * window. Therefore all frames are transformed twice for it.
 *
 * @param[in]  config    a front end with a mixer
 * @param[in]  pcm       `window_samples` samples
 * @param[out] scratch   `scratch_elements` values, overwritten
 * @param[out] features  `feature_elements` floats: every channel of a band holds its value
 * @return BIRDNET_ERROR_ARGUMENT if a pointer is null or there is no mixer
 */
birdnet_status_t birdnet_frontend_mix(const birdnet_frontend_config_t *config, const int16_t *pcm,
                                      double *scratch, float *features);

/**
 * Last step with a mixer: replace each channel by its sub-range, in place. The result is the part
 * of the value between the ends of the sub-range, scaled to [0, 1]. Without sub-ranges nothing
 * changes.
 *
 * @param[in]     config    a front end with a mixer
 * @param[in,out] features  `feature_elements` floats of the first step
 * @return BIRDNET_ERROR_ARGUMENT if a pointer is null or there is no mixer
 */
birdnet_status_t birdnet_frontend_shift(const birdnet_frontend_config_t *config, float *features);

/**
 * One of the `steps` steps. With a mixer they are birdnet_frontend_mix and birdnet_frontend_shift.
 * Otherwise they are birdnet_frontend_magnitude, birdnet_frontend_compress (not for a waveform) and
 * birdnet_frontend_normalize.
 *
 * @param[in]     config    the model's front end
 * @param[in]     step      from 0
 * @param[in]     pcm       `window_samples` samples; only the first step needs them
 * @param[out]    scratch   `scratch_elements` values, overwritten
 * @param[in,out] features  `feature_elements` floats of the step before
 * @return BIRDNET_ERROR_ARGUMENT if a pointer is null or the step does not exist
 */
birdnet_status_t birdnet_frontend_step(const birdnet_frontend_config_t *config, uint32_t step,
                                       const int16_t *pcm, double *scratch, float *features);

/**
 * All steps.
 *
 * @param[in]  config            the model's front end
 * @param[in]  pcm               `window_samples` samples
 * @param[out] scratch           working memory, overwritten
 * @param[in]  scratch_elements  values at `scratch`
 * @param[out] features          `feature_elements` floats in the model's layout
 * @return BIRDNET_ERROR_ARGUMENT if a pointer is null, BIRDNET_ERROR_MEMORY if the scratch is too
 * small
 */
birdnet_status_t birdnet_frontend_run(const birdnet_frontend_config_t *config, const int16_t *pcm,
                                      double *scratch, size_t scratch_elements, float *features);

#ifdef __cplusplus
}
#endif

#endif
