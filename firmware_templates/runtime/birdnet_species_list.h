/**
 * @file
 * Which species may be reported: a text file, such as one on a card, names them.
 *
 *     # garden, 52 N
 *     species,threshold,need,weeks,time
 *     Turdus merula,,,,day
 *     Strix aluco,0.4,1,44-26,night
 *
 * A class that the list does not name may not be reported. `species` is a label of the model, or
 * the scientific or the common name in it. A threshold, a number of windows (`need`), weeks of the
 * year (four a month, 1 to 48) and a time of the day may follow. Empty fields stand for those of
 * the model, for all weeks and for any time. The other columns may be missing, and their order is
 * free. A file of names alone needs no header. Lines that begin with # are comments.
 *
 * The file is read in pieces of any size. Memory is that of one line and one entry for each class.
 * birdnet_stm32/detect/species_list_file.py reads the same bytes to the same list, or refuses the
 * same line for the same reason.
 */
#ifndef BIRDNET_SPECIES_LIST_H
#define BIRDNET_SPECIES_LIST_H

#include "birdnet_status.h"
#include "birdnet_sun.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Longest line in bytes, without its end. */
#define BIRDNET_SPECIES_LINE_BYTES 255
/** Number of columns. */
#define BIRDNET_SPECIES_COLUMNS 5
/** Weeks of a year. */
#define BIRDNET_WEEKS 48u
/** Every week of the year. */
#define BIRDNET_ALL_WEEKS UINT64_C(0xFFFFFFFFFFFF)

/** Why a line is refused. birdnet_species_expected() says it in words. */
typedef enum {
    BIRDNET_SPECIES_OK = 0,
    BIRDNET_SPECIES_LINE = 1,
    BIRDNET_SPECIES_CHARACTER = 2,
    BIRDNET_SPECIES_QUOTE = 3,
    BIRDNET_SPECIES_SEPARATOR = 4,
    BIRDNET_SPECIES_FIELDS = 5,
    BIRDNET_SPECIES_COLUMN = 6,
    BIRDNET_SPECIES_COLUMN_TWICE = 7,
    BIRDNET_SPECIES_NAME = 8,
    BIRDNET_SPECIES_AMBIGUOUS = 9,
    BIRDNET_SPECIES_TWICE = 10,
    BIRDNET_SPECIES_THRESHOLD = 11,
    BIRDNET_SPECIES_NEED = 12,
    BIRDNET_SPECIES_WEEKS = 13,
    BIRDNET_SPECIES_TIME = 14,
    BIRDNET_SPECIES_NO_SPECIES = 15
} birdnet_species_mistake_t;

/** When a species calls. Both day and night have the civil twilight. */
typedef enum {
    BIRDNET_TIME_ANY = 0,
    BIRDNET_TIME_DAY = 1,
    BIRDNET_TIME_NIGHT = 2
} birdnet_time_of_day_t;

/** What a list says of a class. */
typedef struct {
    uint64_t weeks;     /**< bit 0 is week 1 */
    uint32_t line;      /**< where it stands, from 1; 0: the list does not name the class */
    uint32_t threshold; /**< 24 bits after the point; 0: that of the model */
    uint32_t need;      /**< windows that have to reach the threshold; 0: that of the rule */
    birdnet_time_of_day_t time; /**< at which time of the day it may be reported */
} birdnet_listed_species_t;

/** A list while it is read, and afterwards. The last part is private. */
typedef struct {
    birdnet_listed_species_t *species; /**< one entry for each class */
    uint32_t classes;                  /**< number of classes */
    uint32_t known;                    /**< how many of them the list names */
    uint32_t unknown;                  /**< lines whose name is no class of the model */
    uint32_t first_unknown_line;       /**< the first of them; 0 if there is none */
    birdnet_species_mistake_t mistake; /**< the first mistake */
    uint32_t mistake_line;             /**< its line; 0 if it is that of the whole file */

    const char *const *labels;
    uint32_t line;
    uint32_t length; /* of the line so far, at most one more than the longest */
    uint32_t columns;
    uint8_t column[BIRDNET_SPECIES_COLUMNS]; /* which column is where */
    uint8_t first;                           /* of the line that is no blank; 0 so far */
    uint8_t mark_bytes; /* of the byte order mark so far; larger than its length behind it */
    bool has_header;
    bool after_return;
    char text[BIRDNET_SPECIES_LINE_BYTES + 1];
} birdnet_species_list_t;

/**
 * Begin to read a list.
 *
 * @param[out] list    the list
 * @param[in]  labels  name of each class, UTF-8; they have to stay as long as the list
 * @param[out] species one entry for each class; it has to stay as long as the list
 * @param[in]  classes number of classes, at least 1
 * @return BIRDNET_ERROR_ARGUMENT: a pointer is null, or there is no class
 */
birdnet_status_t birdnet_species_list_begin(birdnet_species_list_t *list, const char *const *labels,
                                            birdnet_listed_species_t *species, uint32_t classes);

/**
 * Read the next bytes of the file. What follows a mistake is not read.
 *
 * @return BIRDNET_ERROR_ARGUMENT: a pointer is null, or `mistake` says what is wrong with the file
 */
birdnet_status_t birdnet_species_list_feed(birdnet_species_list_t *list, const uint8_t *bytes,
                                           size_t count);

/**
 * End the file.
 *
 * @return BIRDNET_ERROR_ARGUMENT: the pointer is null, or `mistake` says what is wrong with the
 * file
 */
birdnet_status_t birdnet_species_list_end(birdnet_species_list_t *list);

/** What is expected instead of a mistake, in English words, without an end of line. */
const char *birdnet_species_expected(birdnet_species_mistake_t mistake);

/** The week of a date, 1 to 48; 0 if there is no such month or day. The last of a month is longer.
 */
uint32_t birdnet_week(uint32_t month, uint32_t day);

/**
 * Say which classes may be reported.
 *
 * @param[in]  species one entry for each class, of a list without a mistake
 * @param[in]  classes number of classes
 * @param[in]  week    from birdnet_week(); 0: the date is not known, so weeks exclude nothing
 * @param[in]  light   from birdnet_sun_light(); BIRDNET_LIGHT_UNKNOWN: times exclude nothing
 * @param[out] allowed 1 or 0 for each class, as birdnet_events_push() takes it
 * @return BIRDNET_ERROR_ARGUMENT: a pointer is null, or `week` is larger than 48
 */
birdnet_status_t birdnet_species_allowed(const birdnet_listed_species_t *species, uint32_t classes,
                                         uint32_t week, birdnet_light_t light, uint8_t *allowed);

#ifdef __cplusplus
}
#endif

#endif
