#include "windows.h"

uint32_t windows_count(uint32_t samples, uint32_t window_samples, uint32_t hop_samples) {
    if (samples == 0u) {
        return 0u;
    }
    if (samples <= window_samples) {
        return 1u;
    }
    return 2u + (samples - window_samples - 1u) / hop_samples;
}

uint32_t windows_start(uint32_t index, uint32_t samples, uint32_t window_samples,
                       uint32_t hop_samples) {
    const uint32_t last = windows_count(samples, window_samples, hop_samples) - 1u;
    if (index < last) {
        return index * hop_samples;
    }
    return samples > window_samples ? samples - window_samples : 0u;
}
