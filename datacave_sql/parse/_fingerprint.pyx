# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The compiled body of fingerprint.py: the same rules, in one pass over the characters of an ASCII text."""

from cpython.unicode cimport PyUnicode_DecodeASCII
from libc.string cimport memcmp, memcpy

cdef extern from "Python.h":
    int PyUnicode_IS_COMPACT_ASCII(object text)
    const void* PyUnicode_DATA(object text)

CONTRACT = 1

cdef enum:
    LENGTH_MAX = 4096
    LITERALS_MAX = 2100  # more do not fit into the text

# What a character may be, as bits of _CLASS.
cdef enum:
    WORD = 1  # letters, digits, underscore
    DIGIT = 2
    BLANK = 4  # what str.strip takes away
    NAME_START = 8  # letters, underscore
    BEFORE = 16  # a literal behind it is a constant
    BEFORE_SIGN = 32
    OPERATOR = 64
    BREAK = 128  # what may stand before the word that ends the region

cdef unsigned char CLASS[128]


cdef void _fill_classes():
    cdef int code
    for code in range(128):
        CLASS[code] = 0
    for character in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_":
        CLASS[<int> ord(character)] |= WORD | NAME_START
    for character in "0123456789":
        CLASS[<int> ord(character)] |= WORD | DIGIT
    for character in " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f":
        CLASS[<int> ord(character)] |= BLANK
    for character in "=<>(,+*/%-":
        CLASS[<int> ord(character)] |= BEFORE
    for character in "=<>(,+*/%":
        CLASS[<int> ord(character)] |= BEFORE_SIGN
    for character in "~!@#^&|`?+-*/%<>=":
        CLASS[<int> ord(character)] |= OPERATOR
    for character in " \t\n\r\x0c()'\"":
        CLASS[<int> ord(character)] |= BREAK


_fill_classes()

cdef struct Literal:
    int start
    int stop
    int keep  # stays as it is
    int cut  # where the text before it is cut: its sign belongs to it
    int sign


cdef inline bint _is(const char* text, int length, int at, const char* word, int word_length) noexcept:
    """Whether a word stands here and ends here."""
    if at + word_length > length or memcmp(text + at, word, word_length):
        return False
    return at + word_length == length or not CLASS[<unsigned char> text[at + word_length]] & WORD


cdef inline int _find(const char* text, int start, int length, const char* word, int word_length) noexcept:
    cdef int at
    for at in range(start, length - word_length + 1):
        if text[at] == word[0] and not memcmp(text + at, word, word_length):
            return at
    return -1


cdef int _ends_region(const char* lower, int length, int at) noexcept:
    """1 if a word that ends the region stands here, 2 if it forbids a fingerprint at all."""
    cdef char first
    if at >= length:
        return 0
    first = lower[at]
    if first == c"s":
        return _is(lower, length, at, b"select", 6)
    if first == c"g":
        return _is(lower, length, at, b"group", 5)
    if first == c"o":
        return (
            _is(lower, length, at, b"order", 5)
            or _is(lower, length, at, b"offset", 6)
            or _is(lower, length, at, b"on", 2)
        )
    if first == c"h":
        return _is(lower, length, at, b"having", 6)
    if first == c"l":
        return _is(lower, length, at, b"limit", 5)
    if first == c"f":
        if _is(lower, length, at, b"from", 4):
            return 2
        return _is(lower, length, at, b"fetch", 5) or _is(lower, length, at, b"for", 3)
    if first == c"w":
        return _is(lower, length, at, b"window", 6) or _is(lower, length, at, b"with", 4)
    if first == c"u":
        return _is(lower, length, at, b"union", 5)
    if first == c"i":
        return _is(lower, length, at, b"intersect", 9)
    if first == c"e":
        return _is(lower, length, at, b"except", 6)
    if first == c"r":
        return _is(lower, length, at, b"returning", 9)
    if first == c"c":
        return 2 if _is(lower, length, at, b"cast", 4) else 0
    return 0


cdef bint _precise_time(const char* lower, int length) noexcept:
    """Whether TIME, TIMESTAMP, CURRENT_TIME, LOCALTIME and their kin are followed by a parenthesis."""
    cdef int at = 0, after
    while True:
        at = _find(lower, at, length, b"time", 4)
        if at < 0:
            return False
        if (
            at == 0
            or not CLASS[<unsigned char> lower[at - 1]] & WORD
            or (at >= 8 and not memcmp(lower + at - 8, b"current_", 8))
            or (at >= 5 and not memcmp(lower + at - 5, b"local", 5))
        ):
            after = at + 4
            if after + 5 <= length and not memcmp(lower + after, b"stamp", 5):
                after += 5
            while after < length and CLASS[<unsigned char> lower[after]] & BLANK:
                after += 1
            if after < length and lower[after] == c"(":
                return True
        at += 4


cdef inline int _trimmed(const char* raw, int start, int stop) noexcept:
    while stop > start and CLASS[<unsigned char> raw[stop - 1]] & BLANK:
        stop -= 1
    return stop


cdef bint _is_sign(const char* raw, int start, int minus) noexcept:
    """Whether the minus sign at a place is a number's sign; `start` is where the text before the number begins."""
    cdef int stop = _trimmed(raw, start, minus)
    cdef char last
    if stop == start:
        return False
    last = raw[stop - 1]
    if not CLASS[<unsigned char> last] & BEFORE_SIGN:
        return False
    if stop != minus:
        return True
    if last == c"(" or last == c",":
        return True
    return last == c"=" and (stop - 1 == start or not CLASS[<unsigned char> raw[stop - 2]] & OPERATOR)


def make_fingerprint(plain):
    """`fingerprint` with a plain body for the texts that are not ASCII."""

    def fingerprint(str text):
        if not PyUnicode_IS_COMPACT_ASCII(text):
            return plain(text)
        return _fingerprint(text)

    return fingerprint


cdef object _fingerprint(str text):
    cdef const char* raw = <const char*> PyUnicode_DATA(text)
    cdef Py_ssize_t whole = len(text)
    cdef int length, at, start, end, stop, position, semicolon, singles, doubles, outside, count, number, token
    cdef int before_start, digits, after, last_stop, ending
    cdef char character
    cdef bint quotes = False
    cdef char lower[LENGTH_MAX + 1]
    cdef char out[4 * LENGTH_MAX]
    cdef char kinds[LITERALS_MAX]
    cdef Literal literals[LITERALS_MAX]
    cdef int size, kind_count
    cdef const char* word
    cdef int word_length
    if whole > LENGTH_MAX or whole < 8:
        return None
    length = <int> whole
    semicolon = -1
    for at in range(length):
        character = raw[at]
        if character == c"$":
            return None
        if character == c"-" or character == c":":
            if at + 1 < length and raw[at + 1] == character:
                return None
        elif character == c"/":
            if at + 1 < length and raw[at + 1] == c"*":
                return None
        elif character == c"'" or character == c'"':
            quotes = True
        elif character == c";" and semicolon < 0:
            semicolon = at
        lower[at] = character + 32 if c"A" <= character <= c"Z" else character
    if lower[6] != c" " and lower[6] != c"\n":
        return None
    if not memcmp(lower, b"select", 6) or not memcmp(lower, b"delete", 6):
        word, word_length = b"where ", 6
    elif not memcmp(lower, b"update", 6):
        word, word_length = b"set ", 4
    elif not memcmp(lower, b"insert", 6):
        word, word_length = b"values", 6
    else:
        return None
    # The first one behind a blank counts; one behind a line feed only where there is none.
    start = -1
    position = -1
    at = 0
    while True:
        at = _find(lower, at + 1, length, word, word_length)
        if at < 0:
            break
        if lower[at - 1] == c" ":
            start = at
            break
        if lower[at - 1] == c"\n" and position < 0:
            position = at
    if start < 0:
        start = position
    if start < 0:
        return None
    if semicolon >= 0 and semicolon != _trimmed(raw, 0, length) - 1:
        return None
    start += word_length
    if quotes:
        singles = doubles = 0
        for at in range(start):
            if raw[at] == c"'":
                singles += 1
            elif raw[at] == c'"':
                doubles += 1
        if singles & 1 or doubles & 1 or (singles and doubles):
            return None
    if _precise_time(lower, length):
        return None
    end = length
    for at in range(start, length - 1):
        if CLASS[<unsigned char> lower[at]] & BREAK:
            ending = _ends_region(lower, length, at + 1)
            if ending == 2:
                return None
            if ending == 1:
                end = at
                break
    # The literals of the region.
    count = 0
    outside = 0
    at = start
    while at < end:
        character = raw[at]
        if character == c"'" or character == c'"':
            stop = at + 1
            while stop < end and raw[stop] != character:
                stop += 1
            if stop == end:
                outside += 1
                at += 1
                continue
            stop += 1
        elif CLASS[<unsigned char> character] & DIGIT:
            if at > start and (CLASS[<unsigned char> raw[at - 1]] & WORD or raw[at - 1] == c"."):
                at += 1
                continue
            stop = at + 1
            while stop < end and CLASS[<unsigned char> raw[stop]] & DIGIT:
                stop += 1
            if stop + 1 < end and raw[stop] == c"." and CLASS[<unsigned char> raw[stop + 1]] & DIGIT:
                stop += 2
                while stop < end and CLASS[<unsigned char> raw[stop]] & DIGIT:
                    stop += 1
            if stop < end and (CLASS[<unsigned char> raw[stop]] & WORD or raw[stop] == c"."):
                at = stop
                continue
        else:
            at += 1
            continue
        if count == LITERALS_MAX:
            return None
        literals[count].start = at
        literals[count].stop = stop
        literals[count].keep = 1
        literals[count].cut = at
        literals[count].sign = 0
        count += 1
        at = stop
    if outside:
        return None
    values = []
    kind_count = 0
    for number in range(count):
        at, stop = literals[number].start, literals[number].stop
        character = raw[at]
        if character == c'"':
            continue
        after = literals[number + 1].start if number + 1 < count else end
        if stop < after and raw[stop] != c"," and raw[stop] != c")":
            if CLASS[<unsigned char> raw[stop]] & NAME_START:
                return None
            position = stop
            while position < after and CLASS[<unsigned char> raw[position]] & BLANK:
                position += 1
            if position < after and (raw[position] == c"." or raw[position] == c"["):
                return None
        before_start = literals[number - 1].stop if number else start
        last_stop = _trimmed(raw, before_start, at)
        if last_stop - before_start >= 2 and (raw[last_stop - 1] == c"+" or raw[last_stop - 1] == c"-"):
            if lower[last_stop - 2] == c"e":
                return None
        if last_stop == before_start:
            if number:
                return None
        elif not CLASS[<unsigned char> raw[last_stop - 1]] & BEFORE:
            if character == c"'" and (raw[last_stop - 1] == c")" or last_stop == at):
                return None
            token = last_stop
            while token > before_start and not CLASS[<unsigned char> raw[token - 1]] & BLANK:
                token -= 1
            token = last_stop - token
            if not (
                (token == 3 and not memcmp(lower + last_stop - 3, b"and", 3))
                or (token == 2 and not memcmp(lower + last_stop - 2, b"or", 2))
                or (token == 7 and not memcmp(lower + last_stop - 7, b"between", 7))
                or (token == 3 and not memcmp(lower + last_stop - 3, b"not", 3))
            ):
                continue
        elif raw[last_stop - 1] == c"-" and character != c"'" and _is_sign(raw, before_start, last_stop - 1):
            literals[number].cut = last_stop - 1
            literals[number].sign = 1
        literals[number].keep = 0
        if character == c"'":
            kinds[kind_count] = c"s"
            values.append(PyUnicode_DecodeASCII(raw + at + 1, stop - at - 2, NULL))
        else:
            digits = 1
            for position in range(at, stop):
                if raw[position] == c".":
                    digits = 0
            value = PyUnicode_DecodeASCII(raw + at, stop - at, NULL)
            if literals[number].sign:
                value = "-" + value
            kinds[kind_count] = c"n"
            if digits:
                whole_number = int(value)
                if -0x80000000 <= whole_number <= 0x7FFFFFFF:
                    kinds[kind_count] = c"i"
                    value = whole_number
                elif -0x8000000000000000 <= whole_number <= 0x7FFFFFFFFFFFFFFF:
                    kinds[kind_count] = c"l"
                    value = whole_number
            values.append(value)
        kind_count += 1
    if not kind_count:
        return None
    # The text again, with parameters in their places.
    memcpy(out, raw, start)
    size = start
    at = start
    kind_count = 0
    for number in range(count):
        stop = literals[number].cut
        memcpy(out + size, raw + at, stop - at)
        size += stop - at
        if literals[number].keep:
            stop = literals[number].stop
            memcpy(out + size, raw + literals[number].start, stop - literals[number].start)
            size += stop - literals[number].start
        else:
            kind_count += 1
            if size > 3 * LENGTH_MAX:
                return None
            out[size] = c"$"
            size += 1
            if kind_count >= 1000:
                out[size] = c"0" + kind_count // 1000
                size += 1
            if kind_count >= 100:
                out[size] = c"0" + kind_count // 100 % 10
                size += 1
            if kind_count >= 10:
                out[size] = c"0" + kind_count // 10 % 10
                size += 1
            out[size] = c"0" + kind_count % 10
            size += 1
        at = literals[number].stop
    memcpy(out + size, raw + at, length - at)
    size += length - at
    return (
        PyUnicode_DecodeASCII(out, size, NULL),
        PyUnicode_DecodeASCII(kinds, kind_count, NULL),
        tuple(values),
    )
