"""Furniture of saved pages goes, what could answer stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.boilerplate import content_spans, is_byline, is_section


def kept(text: str) -> list[str]:
    return [text[start:end] for start, end in content_spans(text)]


BODY = "3月29日,医院召开职工代表大会,院长作工作报告。"


@pytest.mark.parametrize(
    "line",
    [
        "首页 > 新闻中心 > 正文",
        "您现在的位置: 首页 > 新闻中心 > 重大新闻",
        "·您现在的位置:首页",
        "当前位置：首页»通知公告»详情",
        "您的位置：網站首頁 / 最新消息 / 公告",
        "首页-走进公司-企业文化",
        "新闻中心 > 公司新闻 > 正文",
        "Home » News » Press releases",
        "You are here: Home > About",
        "首页 | 医院概况 | 新闻中心 | 科室导航 | 联系我们",
        "登录 | 注册",
        "分享到: 微信 微博 QQ空间",
        "扫一扫分享到微信朋友圈",
        "用微信扫描二维码分享至好友和朋友圈",
        "【字体:大 中 小】【打印】【关闭】",
        "【字体：大 中 小】",
        "[大][中][小]",
        "打印本页 | 关闭窗口",
        "返回顶部",
        "2步打开 媒体云APP",
        "打开新闻客户端查看更多",
        "点击右上角“…” 按钮",
        "最新评论",
        "來說兩句吧...",
        "已有0人参与,点击查看更多精彩评论",
        "共12条评论",
        "登录后才能发表评论",
        "加载中。。。。",
        "正在加载...",
        "相關閱讀",
        "猜你喜欢",
        "热门推荐",
        "上一篇：医院召开中层干部会议",
        "下一篇:没有了",
        "template 'mobile_v5/common/wake'",
        "from clipboard",
        "{{ item.title }}",
        "640-1.jpg",
        "IMG_2043.JPG",
        "截屏2024-04-01 09.22.52.png",
        "微信图片_20240422090707",
        "微信截图_20240422090707.png",
        "Screenshot 2024-04-01 at 09.22.52.png",
        "会议现场(2).png",
        "京ICP备05012345号-1  版权所有 某某公司",
        "粤ICP备  某某集团股份有限公司-App版权所有",
        "京公网安备 11010502030143号",
        "Copyright © 2019-2024 Example Ltd. All Rights Reserved.",
        "版权所有：某某大学 技术支持：某某网络",
        "Powered by WordPress",
        "技术支持:某某网络科技有限公司",
        "建议使用IE9以上浏览器浏览本站",
        "您是第 102345 位访客",
        "访问量:102345",
        "Skip to main content",
        "Leave a comment",
        "* * *",
    ],
)
def test_furniture_goes(line: str) -> None:
    assert kept(f"{BODY}\n{line}\n{BODY}") == [BODY, BODY]


@pytest.mark.parametrize(
    "line",
    [
        "点击首页的“登录”按钮,输入工号和密码",
        "返回首页后,再次点击右上角的头像",
        "本书版权所有归作者本人",
        "版权所有者应当在三十日内提出申请",
        "本网站的ICP备案由信息科负责",
        "网站办理ICP备案须提交营业执照",
        "最新评论显示用户对该产品很满意",
        "来说两句吧,他对记者笑着说",
        "上一篇文章介绍了报销流程",
        "请将文件保存为jpg格式",
        "阅读次数超过一万的文章有三篇",
        "这条消息的阅读量:10万+,转发量:2000",
        "浏览器打开后会提示安装证书",
        "打开APP之后,选择“我的”页面",
        "分享会由工会主席主持",
        "相关阅读材料请到图书馆领取",
        "关闭窗口前请保存文件",
        "会上还表彰了2023年度先进单位",
        "▲党委副书记、纪委书记柴建军主持大会",
        "文字/院办公室 党委办公室 宣传处",
        "图片/孙良  李倩玉",
        "来源:党委办公室宣传科 赵昕蕊",
        "广州校区地址:广州市白云区沙太南路1023-1063号",
        "联系电话:020-12345678 邮编:510000",
        "主办单位:某某市人民政府办公室",
        "第一讨论组",
        "一、总体要求",
        "2023",
        "登录",
        "搜索",
        "85",
        "100 > 99 > 98",
        "甲 > 乙 > 丙",
        "价格:85元",
        "Powered by wind, the ship reached the island in May.",
        "The copyright of this report belongs to the hospital.",
        "She turned to the home page and signed in.",
        "Related articles were published in 1998.",
        "位置:行政楼三层 302 室",
    ],
)
def test_content_stays(line: str) -> None:
    assert kept(f"{BODY}\n{line}\n{BODY}") == [BODY, line, BODY]


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("发布时间:2024-04-01 浏览次数:2135", ["发布时间:2024-04-01"]),
        (
            "作者:杨梦园\xa0 发表日期:2022-09-22\xa0 阅读次数: \xa0 来源:北仑区人民医院\xa0 \xa0 字体:【",
            ["作者:杨梦园\xa0 发表日期:2022-09-22", "来源:北仑区人民医院"],
        ),
        ("2024-04-22 10:02 今视频    阅读:89696 ", ["2024-04-22 10:02 今视频"]),
        ("时间:2023.03.21 点击数: 字体: 发布来源:本站原创", ["时间:2023.03.21", "发布来源:本站原创"]),
        ("發布時間：2024-04-01　瀏覽次數：2135次", ["發布時間：2024-04-01"]),
        ("来源：新华网 | 2024年4月20日 | 阅读 1.2万 | 【字体：大 中 小】", ["来源：新华网 | 2024年4月20日"]),
        ("㎡㎡编辑:张淼 阅读:1 来源:乙社", ["㎡㎡编辑:张淼", "来源:乙社"]),
        ("编辑:张淼  作者:魏涵博  点击:", ["编辑:张淼  作者:魏涵博"]),
        (
            "地址:北京市东城区帅府园1号 电话:010-69156114 京ICP备05012345号",
            ["地址:北京市东城区帅府园1号", "电话:010-69156114"],
        ),
    ],
)
def test_bylines_lose_their_counters_only(line: str, parts: list[str]) -> None:
    assert kept(f"{BODY}\n{line}\n{BODY}") == [BODY, *parts, BODY]


def test_elements_of_a_trail_go_wherever_they_stand_again() -> None:
    assert kept("医疗\n学校首页 > 医疗 > 正文\n医疗\n医疗工作会议召开") == ["医疗工作会议召开"]


def test_a_trail_over_two_lines() -> None:
    assert kept("您现在的位置:首页\n-文化中心-新闻中心\n\n新闻中心\n\n会议召开") == ["会议召开"]


def test_the_title_at_the_end_of_a_trail_stays_as_a_line() -> None:
    assert kept("首页 > 新闻中心 > 会议召开\n会议召开") == ["会议召开"]


def test_loose_words_go_beside_furniture_and_at_the_end() -> None:
    assert kept(f"Menu\n首页 > 新闻\n{BODY}\n85\n相关阅读\n表情") == [BODY]
    assert kept(f"{BODY}\n关闭") == [BODY]
    assert kept(f"登录\n{BODY}\n搜索\n{BODY}") == ["登录", BODY, "搜索", BODY]


def test_app_prompt_with_its_heading() -> None:
    page = "打开APP\n小贴士\n2步打开 媒体云APP\n  • 点击右上角“…” 按钮\n  • 使用浏览器/Safari打开\n\n会议召开"
    assert kept(page) == ["会议召开"]


def test_a_line_of_two_thousand_characters_is_content_whatever_it_holds() -> None:
    assert kept("版权所有 " * 400) == [("版权所有 " * 400).strip()]


def test_is_byline() -> None:
    assert is_byline("发布时间:2024-04-01 浏览次数:2135")
    assert is_byline("2024-04-22 10:02 今视频")
    assert not is_byline("2022年重点工作推进会召开")
    assert not is_byline("2024年4月20日召开职工代表大会")
    assert not is_byline("会议时间:2024年4月20日")


def test_is_section() -> None:
    assert is_section("新闻中心")
    assert not is_section("关于召开职工代表大会的请示")


@given(
    st.text(
        alphabet=st.sampled_from("首页>新闻 \n\t-|:正文打印关闭阅读123.jpg。，来源字体【】版权所有ab\u200b\x00\u3000"),
        max_size=120,
    )
)
def test_spans_are_trimmed_ordered_and_exact(text: str) -> None:
    end_before = 0
    for start, end in content_spans(text):
        assert end_before <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip()
        assert "\n" not in text[start:end]
        end_before = end


@given(st.lists(st.text(alphabet="会议由院长主持并作报告工人代表参加", min_size=8, max_size=30), max_size=8))
def test_sentences_are_never_dropped(sentences: list[str]) -> None:
    lines = [f"{sentence}。" for sentence in sentences]
    assert kept("\n".join(lines)) == lines
