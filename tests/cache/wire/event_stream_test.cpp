#include "cache/wire/event_stream.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace revoked::cache::event_stream_test {

using Events = std::vector<std::string>;

Events read(const std::vector<std::string>& pieces) {
  EventStream stream;
  Events events;
  for (const auto& piece : pieces)
    stream.feed(piece, [&](std::string_view data) {
      events.emplace_back(data);
      return true;
    });
  return events;
}

TEST(EventStream, ReadsEvents) {
  EXPECT_EQ(read({"id: 1-2\ndata: {\"a\":1}\n\nid: 1-3\nevent: message\ndata:{}\n\n"}),
            (Events{"{\"a\":1}", "{}"}));
}

TEST(EventStream, IgnoresCommentsOtherFieldsAndEventsWithoutData) {
  EXPECT_EQ(read({": hello\n\nid: 1\n\nretry: 3\nunknown\ndatax: 1\n:\n\ndata: x\n\n"}), (Events{"x"}));
}

TEST(EventStream, JoinsLinesOfData) { EXPECT_EQ(read({"data: a\ndata\ndata: b\n\n"}), (Events{"a\n\nb"})); }

TEST(EventStream, RemovesOneSpaceOnly) { EXPECT_EQ(read({"data:  a \n\n"}), (Events{" a "})); }

TEST(EventStream, SkipsAByteOrderMarkAtTheStartOnly) {
  EXPECT_EQ(read({"\xEF\xBB\xBF"
                  "data: a\n\n"
                  "\xEF\xBB\xBF"
                  "data: b\n\ndata: c\n\n"}),
            (Events{"a", "c"}));
}

TEST(EventStream, DoesNotTellAnUnfinishedEvent) { EXPECT_EQ(read({"data: a\n\ndata: b\n"}), (Events{"a"})); }

TEST(EventStream, ReadsTheSameHoweverTheBytesAreCut) {
  const std::string mixed =
      "data: one\r\nid: 5\r\n\r\n: c\rdata: two\rdata: more\r\rdata: three\n\ndata:\n\n";
  const Events expected{"one", "two\nmore", "three", ""};
  EXPECT_EQ(read({mixed}), expected);
  for (std::size_t cut = 0; cut <= mixed.size(); ++cut)
    EXPECT_EQ(read({mixed.substr(0, cut), mixed.substr(cut)}), expected) << cut;
  std::vector<std::string> single;
  for (const char c : mixed) single.emplace_back(1, c);
  EXPECT_EQ(read(single), expected);
}

TEST(EventStream, StopsWhenToldTo) {
  EventStream stream;
  int events = 0;
  EXPECT_EQ(stream.feed("data: a\n\ndata: b\n\n",
                        [&](std::string_view) {
                          ++events;
                          return false;
                        }),
            EventStream::Outcome::ended);
  EXPECT_EQ(events, 1);
}

TEST(EventStream, BoundsAnEvent) {
  const auto ignore = [](std::string_view) { return true; };
  EventStream long_line(10);
  EXPECT_EQ(long_line.feed("data: 12345", ignore), EventStream::Outcome::too_large);
  EventStream many_lines(20);
  EXPECT_EQ(many_lines.feed("data: 123456\n", ignore), EventStream::Outcome::more);
  EXPECT_EQ(many_lines.feed("data: 123456\n", ignore), EventStream::Outcome::more);
  EXPECT_EQ(many_lines.feed("data: 123456\n", ignore), EventStream::Outcome::too_large);
  EventStream small_events(20);
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(small_events.feed("data: 123456\n\n", ignore), EventStream::Outcome::more);
}

}  // namespace revoked::cache::event_stream_test
