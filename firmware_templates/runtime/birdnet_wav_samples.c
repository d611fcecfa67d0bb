#include "birdnet_float.h"
#include "birdnet_wav.h"
#include "birdnet_wav_parts.h"

#include <string.h>

#define FULL_SCALE 32768.0f
/* A floating-point file may hold integers of 32 bits. No recorder writes larger values. */
#define GREATEST 2147483648.0f

static int32_t left_aligned(const uint8_t *bytes, uint32_t count) {
    uint32_t value = 0;
    for (uint32_t i = 0; i < count; ++i) {
        value |= (uint32_t)bytes[i] << (8u * (4u - count + i));
    }
    return (int32_t)value;
}

/* False for what is no number, infinite or too large. */
static bool is_plausible(float sample) {
    return sample >= -GREATEST && sample <= GREATEST;
}

static bool float_64(const uint8_t *bytes, float *sample) {
    const double beyond = 2.0 * (double)GREATEST; /* what is not beyond it fits a float */
    const uint64_t bits = birdnet_wav_u64(bytes);
    double value;
    memcpy(&value, &bits, sizeof value);
    if (!(value >= -beyond && value <= beyond)) {
        return false;
    }
    *sample = (float)value;
    return is_plausible(*sample);
}

static bool float_32(const uint8_t *bytes, float *sample) {
    const uint32_t bits = birdnet_wav_u32(bytes);
    memcpy(sample, &bits, sizeof *sample);
    return is_plausible(*sample);
}

static bool sample_of(const birdnet_wav_t *wav, const uint8_t *bytes, float *sample) {
    switch (wav->encoding) {
    case BIRDNET_WAV_PCM_8: /* the only one without a sign */
        *sample = (float)((int32_t)bytes[0] - 128) / 128.0f;
        return true;
    case BIRDNET_WAV_FLOAT_32:
        return float_32(bytes, sample);
    case BIRDNET_WAV_FLOAT_64:
        return float_64(bytes, sample);
    case BIRDNET_WAV_PCM_16:
    case BIRDNET_WAV_PCM_24:
    case BIRDNET_WAV_PCM_32:
        break;
    }
    *sample = (float)left_aligned(bytes, birdnet_wav_sample_bytes(wav)) / GREATEST;
    return true;
}

static float sum_of(const float *values, uint32_t count) {
    if (count == 8u) {
        return ((values[0] + values[1]) + (values[2] + values[3])) +
               ((values[4] + values[5]) + (values[6] + values[7]));
    }
    float sum = values[0];
    for (uint32_t i = 1; i < count; ++i) {
        sum += values[i];
    }
    return sum;
}

/* The chosen channel of a frame, or the average of all channels. */
static bool mono_of(const birdnet_wav_t *wav, const uint8_t *frame, float *mono) {
    const uint32_t sample_bytes = birdnet_wav_sample_bytes(wav);
    float values[BIRDNET_WAV_MOST_CHANNELS] = {0};
    if (wav->channel != BIRDNET_WAV_MIX) {
        return sample_of(wav, frame + (wav->channel - 1u) * sample_bytes, mono);
    }
    for (uint32_t i = 0; i < wav->channels; ++i) {
        if (!sample_of(wav, frame + i * sample_bytes, &values[i])) {
            return false;
        }
    }
    *mono = wav->channels == 1u ? values[0] : sum_of(values, wav->channels) / (float)wav->channels;
    return true;
}

/* Halves go to the even integer, whatever rounding mode the processor is in. */
static int16_t rounded(float sample) {
    const float scaled = sample * FULL_SCALE;
    if (scaled >= FULL_SCALE - 1.0f) {
        return INT16_MAX;
    }
    if (scaled <= -FULL_SCALE) {
        return INT16_MIN;
    }
    int32_t whole = (int32_t)scaled;
    const float rest = scaled - (float)whole;
    if (rest > 0.5f || (rest == 0.5f && whole % 2 != 0)) {
        ++whole;
    } else if (rest < -0.5f || (rest == -0.5f && whole % 2 != 0)) {
        --whole;
    }
    return (int16_t)whole;
}

/* Reads up to a block of frames. Returns how many, or 0 if they cannot be read. */
static uint32_t read_frames(const birdnet_wav_t *wav, uint64_t first, uint64_t frames,
                            uint8_t *block) {
    const uint32_t frame_bytes = birdnet_wav_frame_bytes(wav);
    const uint32_t room = BIRDNET_WAV_BLOCK_BYTES / frame_bytes;
    const uint32_t count = frames < room ? (uint32_t)frames : room;
    const uint64_t offset = wav->data_offset + first * frame_bytes;
    return birdnet_wav_read_at(&wav->source, offset, block, (size_t)count * frame_bytes) ? count
                                                                                         : 0u;
}

static birdnet_wav_status_t read_mono(const birdnet_wav_t *wav, uint64_t first, int16_t *pcm,
                                      uint32_t samples) {
    uint8_t block[BIRDNET_WAV_BLOCK_BYTES];
    for (uint32_t done = 0; done < samples;) {
        const uint32_t count = read_frames(wav, first + done, samples - done, block);
        if (count == 0u) {
            return BIRDNET_WAV_ERROR_READ;
        }
        for (uint32_t i = 0; i < count; ++i) {
            float mono;
            if (!mono_of(wav, block + i * birdnet_wav_frame_bytes(wav), &mono)) {
                return BIRDNET_WAV_ERROR_VALUES;
            }
            pcm[done + i] = rounded(mono * wav->gain);
        }
        done += count;
    }
    return BIRDNET_WAV_OK;
}

/* 16 bits and one channel: straight into the caller's memory. */
static birdnet_wav_status_t read_plain(const birdnet_wav_t *wav, uint64_t first, int16_t *pcm,
                                       uint32_t samples) {
    if (!birdnet_wav_read_at(&wav->source, wav->data_offset + first * sizeof *pcm, pcm,
                             (size_t)samples * sizeof *pcm)) {
        return BIRDNET_WAV_ERROR_READ;
    }
    for (uint32_t i = 0; i < samples; ++i) {
        const uint8_t *bytes = (const uint8_t *)&pcm[i];
        pcm[i] = (int16_t)(uint16_t)birdnet_wav_u16(bytes);
    }
    return BIRDNET_WAV_OK;
}

birdnet_wav_status_t birdnet_wav_read(const birdnet_wav_t *wav, uint64_t first, int16_t *pcm,
                                      uint32_t samples) {
    const uint64_t left = first < wav->samples ? wav->samples - first : 0u;
    const uint32_t present = samples < left ? samples : (uint32_t)left;
    memset(pcm + present, 0, (size_t)(samples - present) * sizeof *pcm);
    if (present == 0u) {
        return BIRDNET_WAV_OK;
    }
    return wav->encoding == BIRDNET_WAV_PCM_16 && wav->channels == 1u
               ? read_plain(wav, first, pcm, present)
               : read_mono(wav, first, pcm, present);
}

birdnet_wav_status_t birdnet_wav_find_gain(birdnet_wav_t *wav) {
    uint8_t block[BIRDNET_WAV_BLOCK_BYTES];
    float peak = 1.0f;
    if (wav->encoding != BIRDNET_WAV_FLOAT_32 && wav->encoding != BIRDNET_WAV_FLOAT_64) {
        return BIRDNET_WAV_OK;
    }
    for (uint64_t done = 0; done < wav->samples;) {
        const uint32_t count = read_frames(wav, done, wav->samples - done, block);
        if (count == 0u) {
            return BIRDNET_WAV_ERROR_READ;
        }
        for (uint32_t i = 0; i < count; ++i) {
            float mono;
            if (!mono_of(wav, block + i * birdnet_wav_frame_bytes(wav), &mono)) {
                return BIRDNET_WAV_ERROR_VALUES;
            }
            const float size = mono < 0.0f ? -mono : mono;
            peak = size > peak ? size : peak;
        }
        done += count;
    }
    if (peak > 1.0f) {
        wav->gain = (float)(1.0 / (double)peak);
        wav->notes |= BIRDNET_WAV_SCALED_DOWN;
    }
    return BIRDNET_WAV_OK;
}
