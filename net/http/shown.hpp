#pragma once
// Quotes a part of a request in an error text for people.

#include <string>
#include <string_view>

namespace revoked::net {

// Whether it may be shown unchanged: printable, and shorter than most secrets; every name of the API is
// shorter.
bool is_showable(std::string_view text);
// In quotation marks, or only its length if it is not showable. Not for what may be a secret.
std::string shown(std::string_view text);

}  // namespace revoked::net
