#pragma once
// Percent-encoding (RFC 3986, section 2.1).

#include <string>
#include <string_view>

namespace revoked::engine {

// Whether every % is followed by two hexadecimal digits.
bool is_percent_encoded(std::string_view text);

// Appends to `out`. False if malformed.
bool percent_decode(std::string_view text, std::string& out);

// Whether it is nothing but visible ASCII without '%', and so is itself when it is percent-encoded. With ' '
// as `first` blanks are allowed as well.
bool is_visible(std::string_view text, char first = '!');
// Encodes all else, byte by byte. Appends to `out`.
void percent_encode(std::string_view text, std::string& out, char first = '!');

}  // namespace revoked::engine
