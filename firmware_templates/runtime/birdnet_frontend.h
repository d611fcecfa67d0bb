/**
 * @file
 * From a window of PCM to the features a model is fed.
 *
 * All numbers of a model's front end, its tables included, are in a configuration that is generated
 * with the model (birdnet_frontend_config.h). Nothing here keeps state.
 *
 * A spectrogram is one buffer of `frames * rows` floats in the model's layout: the value of row r
 * in frame f is at `f * frame_stride + r * row_stride`. A row is an FFT bin or a mel band.
 */
#ifndef BIRDNET_FRONTEND_H
#define BIRDNET_FRONTEND_H

#include <stddef.h>
#include <stdint.h>

#include "birdnet_status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What is computed. */
typedef enum {
    BIRDNET_FRONTEND_HYBRID, /**< magnitude STFT */
    BIRDNET_FRONTEND_MEL,    /**< mel bands of the magnitude STFT */
    BIRDNET_FRONTEND_RAW,    /**< the waveform */
} birdnet_frontend_kind_t;

/** What is applied to every value of a spectrogram before it is scaled to [0, 1]. */
typedef enum {
    BIRDNET_COMPRESSION_NONE,
    BIRDNET_COMPRESSION_SQRT,
    BIRDNET_COMPRESSION_LOG, /**< natural logarithm, floored at `log_floor_ratio` of the peak */
} birdnet_compression_t;

/** One model's front end. The waveform uses only the sizes at the top and `peak_epsilon`. */
typedef struct {
    birdnet_frontend_kind_t kind;
    birdnet_compression_t compression;
    uint32_t window_samples;        /**< PCM samples of one window */
    uint32_t feature_elements;      /**< floats of one window's features */
    uint32_t scratch_elements;      /**< floats of scratch: 2 * fft_length, waveform: 0 */
    uint32_t fft_length;            /**< samples of a frame, see birdnet_fft.h */
    uint32_t hop_samples;           /**< frame f is centred on sample f * hop_samples */
    uint32_t frames;                /**< frames of a window; the last is centred inside of it */
    uint32_t bins;                  /**< FFT bins kept: fft_length / 2, or 1 more with Nyquist */
    uint32_t rows;                  /**< values of a frame: bins, or mel bands */
    uint32_t frame_stride;          /**< floats from a value to that of the next frame */
    uint32_t row_stride;            /**< floats from a value to that of the next row */
    const float *taper;             /**< fft_length values: periodic Hann window / 32768 */
    const float *sine;              /**< fft_length values: sin(2 pi k / fft_length) */
    const uint16_t *mel_first_bins; /**< the first bin of each band; mel only, like the next two */
    const uint16_t *mel_bin_counts; /**< the number of bins of each band */
    const float *mel_weights;       /**< the weights of all bins of all bands, band after band */
    float log_floor_ratio;          /**< floor of the logarithm, relative to the peak */
    float min_max_epsilon;          /**< added to a spectrogram's range before dividing by it */
    float peak_epsilon;             /**< added to a waveform's peak before dividing by it */
} birdnet_frontend_config_t;

/**
 * First step: magnitude STFT of centred, zero-padded frames, or its mel bands; for the waveform the
 * samples / 32768.
 *
 * @param[in]  config       the model's front end
 * @param[in]  pcm          `window_samples` samples
 * @param[out] scratch      `scratch_elements` floats, overwritten
 * @param[out] spectrogram  `feature_elements` floats
 * @return BIRDNET_ERROR_ARGUMENT if a pointer is null (scratch may be where none is needed)
 */
birdnet_status_t birdnet_frontend_magnitude(const birdnet_frontend_config_t *config,
                                            const int16_t *pcm, float *scratch, float *spectrogram);

/**
 * Second step: compression, in place; nothing to do for the waveform.
 *
 * @param[in]     config       the model's front end
 * @param[in,out] spectrogram  `feature_elements` floats of the first step
 * @return BIRDNET_ERROR_ARGUMENT if a pointer is null
 */
birdnet_status_t birdnet_frontend_compress(const birdnet_frontend_config_t *config,
                                           float *spectrogram);

/**
 * Third step: scales a spectrogram to [0, 1], a waveform to [-1, 1], in place; silence becomes 0.
 *
 * @param[in]     config       the model's front end
 * @param[in,out] spectrogram  `feature_elements` floats of the second step
 * @return BIRDNET_ERROR_ARGUMENT if a pointer is null
 */
birdnet_status_t birdnet_frontend_normalize(const birdnet_frontend_config_t *config,
                                            float *spectrogram);

/**
 * All three steps.
 *
 * @param[in]  config            the model's front end
 * @param[in]  pcm               `window_samples` samples
 * @param[out] scratch           memory to work in, overwritten
 * @param[in]  scratch_elements  floats at `scratch`
 * @param[out] features          `feature_elements` floats in the model's layout
 * @return BIRDNET_ERROR_ARGUMENT if a pointer is null, BIRDNET_ERROR_MEMORY if there is too little
 *         scratch
 */
birdnet_status_t birdnet_frontend_run(const birdnet_frontend_config_t *config, const int16_t *pcm,
                                      float *scratch, size_t scratch_elements, float *features);

#ifdef __cplusplus
}
#endif

#endif
