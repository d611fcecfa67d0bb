/**
 * @file
 * Reads WAV files as recorders write them, from any source that can read and seek.
 *
 * Read are RIFF, RF64 and BW64 files with 1 to 8 channels of PCM with 8, 16, 24 or 32 bits, or of
 * floating-point numbers with 32 or 64 bits, plain or as WAVE_FORMAT_EXTENSIBLE. Other chunks may
 * stand before and after the samples. Everything else is refused; birdnet_wav_refusal() says why,
 * with the numbers of the file.
 *
 * Nothing in a header is trusted: every size is compared with the length of the file. A recorder
 * that loses power leaves sizes of 0, of an empty recording, or beyond the file. Its samples are
 * read to the end of the file, and `notes` says so.
 *
 * Samples become int16 as follows. Each sample of a channel is a float in [-1, 1): the integer over
 * 2^(bits - 1), where 32 bits are rounded to a float first. Channel 0 is the average of all
 * channels, summed from the first to the last; eight channels are summed in pairs. A floating-point
 * file whose greatest sample is beyond 1 is scaled down as a whole, so that this sample is 1. Then
 * the sample times 32768 is rounded to the nearest integer, halves to the even one, and clipped to
 * [-32768, 32767]. So a file gives the same samples here as on the host.
 */
#ifndef BIRDNET_WAV_H
#define BIRDNET_WAV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Channel that stands for the average of all channels. */
#define BIRDNET_WAV_MIX 0u
/** A file with more channels is refused. */
#define BIRDNET_WAV_MOST_CHANNELS 8u
/** Sample rate that stands for every rate from 1 kHz to 1 MHz. */
#define BIRDNET_WAV_ANY_RATE 0u
#define BIRDNET_WAV_REFUSAL_BYTES 128u

typedef enum {
    BIRDNET_WAV_OK = 0,
    BIRDNET_WAV_ERROR_READ = 1,     /**< the source returned fewer bytes than it promised */
    BIRDNET_WAV_ERROR_NOT_WAVE = 2, /**< the file begins with something else */
    BIRDNET_WAV_ERROR_HEADER = 3,   /**< the header contradicts itself or the file */
    BIRDNET_WAV_ERROR_ENCODING = 4, /**< the samples are coded in another way */
    BIRDNET_WAV_ERROR_CHANNELS = 5, /**< too many channels, or none with the number asked for */
    BIRDNET_WAV_ERROR_RATE = 6,     /**< the sample rate is another one, or not plausible */
    BIRDNET_WAV_ERROR_EMPTY = 7,    /**< there are no samples */
    BIRDNET_WAV_ERROR_VALUES = 8,   /**< samples are not numbers, infinite or beyond 2^31 */
    BIRDNET_WAV_ERROR_GAPS = 9      /**< an AudioMoth left out the silent parts (a T.WAV file) */
} birdnet_wav_status_t;

/** What was repaired or left out; several of these may be set in birdnet_wav_t.notes. */
typedef enum {
    /** The header gives no length, or that of a header; read to the end of the file. */
    BIRDNET_WAV_LENGTH_MISSING = 1,
    /** The header gives a length at which the samples do not end; read to the end of the file. */
    BIRDNET_WAV_LENGTH_WRONG = 2,
    /** The header promises more samples than the file has. */
    BIRDNET_WAV_CUT_OFF = 4,
    /** Zeros after the samples were left out. */
    BIRDNET_WAV_ZEROS_AFTER = 8,
    /** Another WAV file after the samples was left out. */
    BIRDNET_WAV_FILE_AFTER = 16,
    /** Floating-point samples beyond 1; all of them are scaled down. */
    BIRDNET_WAV_SCALED_DOWN = 32
} birdnet_wav_note_t;

typedef enum {
    BIRDNET_WAV_PCM_8,
    BIRDNET_WAV_PCM_16,
    BIRDNET_WAV_PCM_24,
    BIRDNET_WAV_PCM_32,
    BIRDNET_WAV_FLOAT_32,
    BIRDNET_WAV_FLOAT_64
} birdnet_wav_encoding_t;

/** A file, or another source of bytes. */
typedef struct {
    /** Reads from the current position. Returns the number of bytes read, which is smaller than
     * `bytes` after an error. */
    size_t (*read)(void *context, void *buffer, size_t bytes);
    /** Moves to `offset`, counted from the start. */
    bool (*seek)(void *context, uint64_t offset);
    void *context;
    uint64_t size_bytes; /**< of the whole file */
} birdnet_wav_source_t;

/** An open recording. Read its fields as you like; birdnet_wav_open() sets all of them. */
typedef struct {
    birdnet_wav_source_t source;
    uint64_t samples;        /**< of each channel */
    uint64_t data_offset;    /**< position of the first sample, in bytes from the start */
    uint32_t sample_rate_hz; /**< of the file; 0 until it was read */
    uint32_t wanted_rate_hz; /**< what birdnet_wav_open() was asked for */
    uint32_t notes;          /**< bits of birdnet_wav_note_t */
    uint16_t channels;       /**< of the file; 0 until they were read */
    uint16_t channel;        /**< the channel that is read, from 1; or BIRDNET_WAV_MIX */
    uint16_t format_tag;     /**< of the file: 1 for PCM, 3 for floating point */
    uint16_t bits;           /**< of a sample of the file */
    birdnet_wav_encoding_t encoding;
    float gain;                              /**< that samples are multiplied with: 1 or less */
    const char *detail;                      /**< what is wrong with the header; NULL for nothing */
    char refusal[BIRDNET_WAV_REFUSAL_BYTES]; /**< see birdnet_wav_refusal() */
} birdnet_wav_t;

/**
 * Reads the header. Do not read samples if the status is not BIRDNET_WAV_OK.
 *
 * The header of a sound file takes some reads of a few bytes. A file of floating-point numbers is
 * read once completely, because its gain depends on its greatest sample; so is a file in which an
 * AudioMoth may have left out silent parts.
 *
 * @param sample_rate_hz the rate that the file must have, or BIRDNET_WAV_ANY_RATE
 * @param channel        the channel to read, from 1; or BIRDNET_WAV_MIX
 */
birdnet_wav_status_t birdnet_wav_open(birdnet_wav_t *wav, birdnet_wav_source_t source,
                                      uint32_t sample_rate_hz, uint16_t channel);

/**
 * Reads `samples` samples, beginning with number `first`. Samples after the end are 0.
 *
 * @return BIRDNET_WAV_OK, BIRDNET_WAV_ERROR_READ, or BIRDNET_WAV_ERROR_VALUES if the file has
 * changed since it was opened
 */
birdnet_wav_status_t birdnet_wav_read(const birdnet_wav_t *wav, uint64_t first, int16_t *pcm,
                                      uint32_t samples);

/**
 * Returns a text for people that says why birdnet_wav_open() returned this status, with the
 * numbers. The text is valid as long as `wav`.
 */
const char *birdnet_wav_refusal(birdnet_wav_t *wav, birdnet_wav_status_t status);

/** Returns a text for people that says what one note means. */
const char *birdnet_wav_note_text(birdnet_wav_note_t note);

#ifdef __cplusplus
}
#endif

#endif
