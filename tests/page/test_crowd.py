"""The page in front of very many: ten thousand streams of a gateway, and a hub's fleet."""

import unittest

from watching import NARROW, Watching

MANY = 10000


class Crowd(Watching):
    def test_ten_thousand_streams(self):
        b = self.browser()
        self.look(b, self.crowd("gateway", MANY).url)
        self.wait_text(b, "1–50 of 10,00")
        self.assertEqual(len(self.rows(b)), 50)
        b.click("#rows a:text-is('Next')")
        self.wait_text(b, "51–100 of 10,00")
        b.click("#rows a:text-is('Client')")
        self.wait_text(b, "10.0.0.0:40000")
        b.fill("#filter", "client=10.0.39.15: service=VNC")
        self.wait_text(b, "1–1 of 1 streams that fit")
        b.fill("#filter", "")
        b.click("nav a[href='/?show=users']")
        self.wait_text(b, "ann")
        self.assertEqual([row[:2] for row in self.rows(b)], [["ann", "2,500"], ["bob", "7,500"]]
                         if self.rows(b)[0][0] == "ann" else [["bob", "7,500"], ["ann", "2,500"]])
        b.click("nav a[href='/?show=clients']")
        self.wait_text(b, "(all others)")
        self.assertEqual(b.complaints(), [])

    def test_a_fleet(self):
        b = self.browser()
        self.look(b, self.crowd("hub", MANY).url)
        self.wait_text(b, "0 pending, 2,000 away, 8,000 present, 0 disabled")
        self.assertEqual({row[1] for row in self.rows(b)}, {"away"})  # those that are away first
        self.assert_content(b)
        b.click("#rows a:text-is('present')")
        self.wait_text(b, "1–50 of 8,000 devices that fit, of 10,000")
        b.click("#rows a:text-is('Next')")
        self.wait_text(b, "51–100 of 8,000")
        b.fill("#filter", "pump-0042")
        self.wait_text(b, "1–50 of 100 devices that fit")
        b.click("nav a[href='/?show=streams']")
        self.wait_text(b, "of 10,00")
        self.assert_content(b)
        b.size(**NARROW)
        self.assert_fits(b, 320)
        self.assert_content(b)


if __name__ == "__main__":
    unittest.main()
