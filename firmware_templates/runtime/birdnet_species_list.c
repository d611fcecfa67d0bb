#include "birdnet_species_list.h"
#include <string.h>

#define LINE_BYTES BIRDNET_SPECIES_LINE_BYTES
#define MOST_NEED 32u
#define DIGITS 6u /* of a threshold, after the point */
#define MILLION UINT64_C(1000000)
#define ONE (UINT64_C(1) << 24)

static const uint8_t byte_order_mark[] = {0xEF, 0xBB, 0xBF};

enum { SPECIES, THRESHOLD, NEED, WEEKS, TIME };
static const char *const column_names[BIRDNET_SPECIES_COLUMNS] = {"species", "threshold", "need",
                                                                  "weeks", "time"};

/* A part of a line. */
typedef struct {
    const char *text;
    size_t length;
} part_t;

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t';
}

static bool is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

static char lower(char byte) {
    return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

static bool equal(part_t one, part_t other) {
    if (one.length != other.length) {
        return false;
    }
    for (size_t at = 0; at < one.length; at++) {
        if (lower(one.text[at]) != lower(other.text[at])) {
            return false;
        }
    }
    return true;
}

static part_t whole(const char *text) {
    const part_t part = {.text = text, .length = strlen(text)};
    return part;
}

static part_t trimmed(part_t part) {
    while (part.length > 0 && is_blank(part.text[0])) {
        part.text++;
        part.length--;
    }
    while (part.length > 0 && is_blank(part.text[part.length - 1])) {
        part.length--;
    }
    return part;
}

/* What stands before the first underscore, or behind it; nothing if there is none. */
static part_t side(part_t name, bool is_behind) {
    const char *bar = memchr(name.text, '_', name.length);
    if (bar == NULL) {
        name.length = 0;
        return name;
    }
    const size_t before = (size_t)(bar - name.text);
    const part_t behind = {.text = bar + 1, .length = name.length - before - 1};
    name.length = before;
    return is_behind ? behind : name;
}

/* Take a field off the front of a line, without the blanks around it. A field in quotation marks is
 * rewritten in place without them. False: a quotation mark is where none belongs. */
static bool take_field(char *line, size_t length, size_t *at, part_t *field) {
    while (*at < length && is_blank(line[*at])) {
        (*at)++;
    }
    const size_t begin = *at;
    if (*at == length || line[*at] != '"') {
        while (*at < length && line[*at] != ',') {
            if (line[*at] == '"') {
                return false;
            }
            (*at)++;
        }
        *field = trimmed((part_t){.text = line + begin, .length = *at - begin});
        return true;
    }
    size_t kept = begin;
    for ((*at)++; *at < length; (*at)++) {
        if (line[*at] == '"') {
            (*at)++;
            if (*at == length || line[*at] != '"') {
                while (*at < length && is_blank(line[*at])) {
                    (*at)++;
                }
                *field = trimmed((part_t){.text = line + begin, .length = kept - begin});
                return *at == length || line[*at] == ',';
            }
        }
        line[kept++] = line[*at];
    }
    return false;
}

static birdnet_species_mistake_t take_fields(char *line, size_t length, part_t *fields,
                                             uint32_t *count) {
    size_t at = 0;
    for (*count = 0;; at++) {
        part_t field;
        if (!take_field(line, length, &at, &field)) {
            return BIRDNET_SPECIES_QUOTE;
        }
        if (*count == BIRDNET_SPECIES_COLUMNS) {
            return BIRDNET_SPECIES_FIELDS;
        }
        fields[(*count)++] = field;
        if (at == length) {
            return BIRDNET_SPECIES_OK;
        }
    }
}

static bool is_header(const part_t *fields, uint32_t count) {
    for (uint32_t index = 0; index < count; index++) {
        if (equal(fields[index], whole(column_names[SPECIES]))) {
            return true;
        }
    }
    return false;
}

static birdnet_species_mistake_t read_header(birdnet_species_list_t *list, const part_t *fields,
                                             uint32_t count) {
    uint32_t seen = 0;
    for (uint32_t index = 0; index < count; index++) {
        uint8_t column = 0;
        while (column < BIRDNET_SPECIES_COLUMNS &&
               !equal(fields[index], whole(column_names[column]))) {
            column++;
        }
        if (column == BIRDNET_SPECIES_COLUMNS) {
            return BIRDNET_SPECIES_COLUMN;
        }
        if ((seen >> column & 1u) != 0u) {
            return BIRDNET_SPECIES_COLUMN_TWICE;
        }
        seen |= 1u << column;
        list->column[index] = column;
    }
    list->columns = count;
    list->has_header = true;
    return BIRDNET_SPECIES_OK;
}

/* A number of one or two digits; 0 if it is none. */
static uint32_t small_number(part_t text) {
    uint32_t value = 0;
    if (text.length > 2) {
        return 0;
    }
    for (size_t at = 0; at < text.length; at++) {
        if (!is_digit(text.text[at])) {
            return 0;
        }
        value = 10u * value + (uint32_t)(text.text[at] - '0');
    }
    return value;
}

static bool read_threshold(part_t text, uint32_t *threshold) {
    size_t at = text.length > 0 && text.text[0] == '0' ? 1 : 0;
    *threshold = 0;
    if (text.length == 0) {
        return true;
    }
    if (at == text.length || text.text[at] != '.') {
        return false;
    }
    at++;
    const size_t digits = text.length - at;
    if (digits == 0 || digits > DIGITS) {
        return false;
    }
    uint64_t millionths = 0;
    for (size_t digit = 0; digit < DIGITS; digit++) {
        const char byte = digit < digits ? text.text[at + digit] : '0';
        if (!is_digit(byte)) {
            return false;
        }
        millionths = 10u * millionths + (uint64_t)(byte - '0');
    }
    *threshold = (uint32_t)((millionths * ONE + MILLION / 2u) / MILLION);
    return millionths > 0u;
}

static bool read_need(part_t text, uint32_t *need) {
    *need = small_number(text);
    return text.length == 0 || (*need >= 1u && *need <= MOST_NEED);
}

static bool read_weeks(part_t text, uint64_t *weeks) {
    *weeks = text.length == 0 ? BIRDNET_ALL_WEEKS : 0;
    while (text.length > 0) {
        part_t span = {.text = text.text, .length = 0};
        while (span.length < text.length && !is_blank(text.text[span.length])) {
            span.length++;
        }
        const char *dash = memchr(span.text, '-', span.length);
        part_t first = span;
        part_t last = span;
        if (dash != NULL) {
            first.length = (size_t)(dash - span.text);
            last = (part_t){.text = dash + 1, .length = span.length - first.length - 1};
        }
        uint32_t week = small_number(first);
        const uint32_t end = small_number(last);
        if (week < 1u || week > BIRDNET_WEEKS || end < 1u || end > BIRDNET_WEEKS) {
            return false;
        }
        for (; week != end; week = week % BIRDNET_WEEKS + 1u) {
            *weeks |= UINT64_C(1) << (week - 1u);
        }
        *weeks |= UINT64_C(1) << (end - 1u);
        text =
            trimmed((part_t){.text = text.text + span.length, .length = text.length - span.length});
    }
    return true;
}

static bool read_time(part_t text, birdnet_time_of_day_t *time) {
    *time = BIRDNET_TIME_ANY;
    if (equal(text, whole("day"))) {
        *time = BIRDNET_TIME_DAY;
    } else if (equal(text, whole("night"))) {
        *time = BIRDNET_TIME_NIGHT;
    } else {
        return text.length == 0 || equal(text, whole("any"));
    }
    return true;
}

/* Find the class that a name means: its label, else its scientific, else its common name. A label
 * of another model, with a common name in another language, is found by its scientific name. The
 * number of classes, if it means none. */
static birdnet_species_mistake_t find_class(const birdnet_species_list_t *list, part_t name,
                                            uint32_t *found) {
    const part_t wanted[] = {name, name, name, side(name, false), side(name, true)};
    for (int way = 0; way < 5; way++) {
        *found = list->classes;
        for (uint32_t index = 0; index < list->classes && wanted[way].length > 0; index++) {
            part_t label = whole(list->labels[index]);
            if (way > 0) {
                label = side(label, way % 2 == 0);
            }
            if (equal(label, wanted[way])) {
                if (*found < list->classes) {
                    return BIRDNET_SPECIES_AMBIGUOUS;
                }
                *found = index;
            }
        }
        if (*found < list->classes) {
            break;
        }
    }
    return BIRDNET_SPECIES_OK;
}

static birdnet_species_mistake_t add(birdnet_species_list_t *list, const part_t *fields) {
    part_t values[BIRDNET_SPECIES_COLUMNS] = {{.text = "", .length = 0}};
    for (uint32_t index = 0; index < list->columns; index++) {
        values[list->column[index]] = fields[index];
    }
    birdnet_listed_species_t species = {.line = list->line};
    if (values[SPECIES].length == 0) {
        return BIRDNET_SPECIES_NAME;
    }
    if (!read_threshold(values[THRESHOLD], &species.threshold)) {
        return BIRDNET_SPECIES_THRESHOLD;
    }
    if (!read_need(values[NEED], &species.need)) {
        return BIRDNET_SPECIES_NEED;
    }
    if (!read_weeks(values[WEEKS], &species.weeks)) {
        return BIRDNET_SPECIES_WEEKS;
    }
    if (!read_time(values[TIME], &species.time)) {
        return BIRDNET_SPECIES_TIME;
    }
    uint32_t index = 0;
    const birdnet_species_mistake_t mistake = find_class(list, values[SPECIES], &index);
    if (mistake != BIRDNET_SPECIES_OK) {
        return mistake;
    }
    if (index == list->classes) {
        list->first_unknown_line = list->unknown == 0u ? list->line : list->first_unknown_line;
        list->unknown++;
        return BIRDNET_SPECIES_OK;
    }
    if (list->species[index].line != 0u) {
        return BIRDNET_SPECIES_TWICE;
    }
    list->species[index] = species;
    list->known++;
    return BIRDNET_SPECIES_OK;
}

static birdnet_species_mistake_t read_line(birdnet_species_list_t *list) {
    if (list->first == 0u || list->first == '#') {
        return BIRDNET_SPECIES_OK;
    }
    if (list->length > LINE_BYTES) {
        return BIRDNET_SPECIES_LINE;
    }
    const part_t text = trimmed((part_t){.text = list->text, .length = list->length});
    char *const line = list->text + (text.text - list->text);
    bool has_separator = false;
    for (size_t at = 0; at < text.length; at++) {
        if (((unsigned char)line[at] < 0x20u && line[at] != '\t') || line[at] == 0x7F) {
            return BIRDNET_SPECIES_CHARACTER;
        }
        has_separator = has_separator || line[at] == ';' || line[at] == '\t';
    }
    part_t fields[BIRDNET_SPECIES_COLUMNS];
    uint32_t count = 0;
    const birdnet_species_mistake_t mistake = take_fields(line, text.length, fields, &count);
    if (mistake != BIRDNET_SPECIES_OK) {
        return mistake;
    }
    if (list->columns == 0u) {
        if (is_header(fields, count)) {
            return read_header(list, fields, count);
        }
        list->columns = 1;
        list->column[0] = SPECIES;
    }
    if (!list->has_header && has_separator) {
        return BIRDNET_SPECIES_SEPARATOR;
    }
    return count == list->columns ? add(list, fields) : BIRDNET_SPECIES_FIELDS;
}

static void end_line(birdnet_species_list_t *list) {
    list->line++;
    list->mistake = read_line(list);
    list->mistake_line = list->mistake == BIRDNET_SPECIES_OK ? 0u : list->line;
    list->length = 0;
    list->first = 0;
}

static void take_byte(birdnet_species_list_t *list, uint8_t byte) {
    const bool ends_return = list->after_return && byte == '\n';
    list->after_return = byte == '\r';
    if (ends_return) {
        return;
    }
    if (byte == '\n' || byte == '\r') {
        end_line(list);
        return;
    }
    if (list->length < LINE_BYTES) {
        list->text[list->length] = (char)byte;
    }
    if (list->length <= LINE_BYTES) {
        list->length++;
    }
    /* A NUL is no blank; any control character stands for it here. */
    if (list->first == 0u && byte != ' ' && byte != '\t') {
        list->first = byte == 0u ? 1u : byte;
    }
}

/* Leave out the byte order mark that programs for spreadsheets put before UTF-8. */
static void take(birdnet_species_list_t *list, uint8_t byte) {
    if (list->mark_bytes < sizeof byte_order_mark) {
        if (byte == byte_order_mark[list->mark_bytes]) {
            list->mark_bytes++;
            return;
        }
        const uint8_t held = list->mark_bytes;
        list->mark_bytes = sizeof byte_order_mark;
        for (uint8_t at = 0; at < held; at++) {
            take_byte(list, byte_order_mark[at]);
        }
    }
    take_byte(list, byte);
}

birdnet_status_t birdnet_species_list_begin(birdnet_species_list_t *list, const char *const *labels,
                                            birdnet_listed_species_t *species, uint32_t classes) {
    if (list == NULL || labels == NULL || species == NULL || classes == 0u) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    memset(list, 0, sizeof *list);
    for (uint32_t index = 0; index < classes; index++) {
        species[index] = (birdnet_listed_species_t){.line = 0};
    }
    list->labels = labels;
    list->species = species;
    list->classes = classes;
    return BIRDNET_OK;
}

static birdnet_status_t status_of(const birdnet_species_list_t *list) {
    return list->mistake == BIRDNET_SPECIES_OK ? BIRDNET_OK : BIRDNET_ERROR_ARGUMENT;
}

birdnet_status_t birdnet_species_list_feed(birdnet_species_list_t *list, const uint8_t *bytes,
                                           size_t count) {
    if (list == NULL || (bytes == NULL && count > 0)) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    for (size_t at = 0; at < count && list->mistake == BIRDNET_SPECIES_OK; at++) {
        take(list, bytes[at]);
    }
    return status_of(list);
}

birdnet_status_t birdnet_species_list_end(birdnet_species_list_t *list) {
    if (list == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    if (list->mark_bytes < sizeof byte_order_mark) { /* the file is a part of the mark */
        for (uint8_t at = 0; at < list->mark_bytes; at++) {
            take_byte(list, byte_order_mark[at]);
        }
    }
    if (list->mistake == BIRDNET_SPECIES_OK) {
        end_line(list);
    }
    if (list->mistake == BIRDNET_SPECIES_OK && list->known == 0u) {
        list->mistake = BIRDNET_SPECIES_NO_SPECIES;
    }
    return status_of(list);
}
