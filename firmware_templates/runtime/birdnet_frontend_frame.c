#include "birdnet_frontend_frame.h"

#include <math.h>

#include "birdnet_fft.h"

/* The samples of the frame times the taper. Samples outside of the window are zero. */
static void taper_frame(const birdnet_frontend_config_t *config, const int16_t *pcm, uint32_t frame,
                        double *tapered) {
    const uint32_t half = config->fft_length / 2u;
    const uint32_t centre = frame * config->hop_samples;
    const uint32_t behind = config->window_samples - centre;
    const uint32_t first = centre < half ? half - centre : 0u;
    const uint32_t end = behind < half ? half + behind : config->fft_length;
    uint32_t n = 0;
    for (; n < first; ++n) {
        tapered[n] = 0.0;
    }
    for (; n < end; ++n) {
        tapered[n] = (double)pcm[centre + n - half] * config->taper[n];
    }
    for (; n < config->fft_length; ++n) {
        tapered[n] = 0.0;
    }
}

/* Magnitudes of the bins in use, from a spectrum in the order of birdnet_fft_real(). */
static void bin_magnitudes(const birdnet_frontend_config_t *config, const double *spectrum,
                           double *magnitudes) {
    const uint32_t nyquist = config->fft_length / 2u;
    magnitudes[0] = fabs(spectrum[0]);
    for (uint32_t bin = 1; bin < nyquist; ++bin) {
        const double re = spectrum[2u * bin];
        const double im = spectrum[2u * bin + 1u];
        magnitudes[bin] = sqrt(re * re + im * im);
    }
    if (config->bins > nyquist) {
        magnitudes[nyquist] = fabs(spectrum[1]);
    }
}

double *birdnet_frontend_frame(const birdnet_frontend_config_t *config, const int16_t *pcm,
                               uint32_t frame, double *scratch) {
    double *const transformed = scratch;
    double *const magnitudes = scratch + config->fft_length; /* before that, memory of the FFT */
    taper_frame(config, pcm, frame, transformed);
    birdnet_fft_real(config->fft_length, config->sine, transformed, magnitudes);
    bin_magnitudes(config, transformed, magnitudes);
    return magnitudes;
}

void birdnet_frontend_bands(const birdnet_frontend_config_t *config, const double *values,
                            float *column, uint32_t stride) {
    const float *weight = config->mel_weights;
    for (uint32_t band = 0; band < config->rows; ++band) {
        const double *value = values + config->mel_first_bins[band];
        const uint32_t count = config->mel_bin_counts[band];
        double energy = 0.0;
        for (uint32_t bin = 0; bin < count; ++bin) {
            energy += (double)weight[bin] * value[bin];
        }
        weight += count;
        column[band * stride] = (float)energy;
    }
}
