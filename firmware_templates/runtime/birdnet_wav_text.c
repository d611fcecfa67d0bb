/* What the WAV reader says to people. */
#include "birdnet_wav.h"
#include "birdnet_wav_parts.h"

#include <string.h>

typedef struct {
    char *at;
    const char *end;
} text_t;

static void put(text_t *text, const char *words) {
    for (; *words != '\0' && text->at < text->end; ++words) {
        *text->at++ = *words;
    }
    *text->at = '\0';
}

static void put_unsigned(text_t *text, uint32_t value) {
    char digits[11];
    char *first = digits + sizeof digits - 1u;
    *first = '\0';
    do {
        *--first = (char)('0' + value % 10u);
        value /= 10u;
    } while (value > 0u);
    put(text, first);
}

static void put_channels(text_t *text, const birdnet_wav_t *wav) {
    put(text, "it has ");
    put_unsigned(text, wav->channels);
    put(text, wav->channels == 1u ? " channel, " : " channels, ");
    if (wav->channel > wav->channels && wav->channels > 0u) {
        put(text, "channel ");
        put_unsigned(text, wav->channel);
        put(text, " is asked for");
    } else {
        put(text, "1 to 8 can be read");
    }
}

static void put_rate(text_t *text, const birdnet_wav_t *wav) {
    put(text, "its rate is ");
    put_unsigned(text, wav->sample_rate_hz);
    if (wav->wanted_rate_hz == BIRDNET_WAV_ANY_RATE) {
        put(text, " Hz, which is not plausible");
        return;
    }
    put(text, " Hz, the model's ");
    put_unsigned(text, wav->wanted_rate_hz);
    put(text, " Hz");
}

static void put_encoding(text_t *text, const birdnet_wav_t *wav) {
    put(text, "its samples have format ");
    put_unsigned(text, wav->format_tag);
    put(text, " and ");
    put_unsigned(text, wav->bits);
    put(text, " bits, not PCM of 8 to 32 bits or floats of 32 or 64");
}

static const char *plain_text(birdnet_wav_status_t status) {
    switch (status) {
    case BIRDNET_WAV_OK:
        return "readable";
    case BIRDNET_WAV_ERROR_READ:
        return "cannot be read";
    case BIRDNET_WAV_ERROR_NOT_WAVE:
        return "it does not begin as a WAV file";
    case BIRDNET_WAV_ERROR_HEADER:
        return "damaged header";
    case BIRDNET_WAV_ERROR_EMPTY:
        return "no samples";
    case BIRDNET_WAV_ERROR_VALUES:
        return "it holds samples that are no number, infinite or beyond 2^31";
    case BIRDNET_WAV_ERROR_GAPS:
        return "the AudioMoth left out silent parts: expand the file first";
    case BIRDNET_WAV_ERROR_ENCODING:
    case BIRDNET_WAV_ERROR_CHANNELS:
    case BIRDNET_WAV_ERROR_RATE:
        break; /* with numbers */
    }
    return "unknown status";
}

const char *birdnet_wav_refusal(birdnet_wav_t *wav, birdnet_wav_status_t status) {
    text_t text = {.at = wav->refusal, .end = wav->refusal + sizeof wav->refusal - 1u};
    if (status == BIRDNET_WAV_ERROR_CHANNELS) {
        put_channels(&text, wav);
    } else if (status == BIRDNET_WAV_ERROR_RATE) {
        put_rate(&text, wav);
    } else if (status == BIRDNET_WAV_ERROR_ENCODING) {
        put_encoding(&text, wav);
    } else {
        put(&text, plain_text(status));
        if (wav->detail != NULL) {
            put(&text, ": ");
            put(&text, wav->detail);
        }
    }
    return wav->refusal;
}

const char *birdnet_wav_note_text(birdnet_wav_note_t note) {
    switch (note) {
    case BIRDNET_WAV_LENGTH_MISSING:
        return "length missing in the header: read to the end of the file";
    case BIRDNET_WAV_LENGTH_WRONG:
        return "length wrong in the header: read to the end of the file";
    case BIRDNET_WAV_CUT_OFF:
        return "cut off: the header promises more samples than are there";
    case BIRDNET_WAV_ZEROS_AFTER:
        return "zeros after the audio: left out";
    case BIRDNET_WAV_FILE_AFTER:
        return "another WAV file follows in the same file: left out";
    case BIRDNET_WAV_SCALED_DOWN:
        return "beyond full scale: scaled down";
    }
    return "unknown note";
}
