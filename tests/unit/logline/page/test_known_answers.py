from logline.page.known_answers import KnownAnswers


def test_a_question_is_asked_again_only_after_its_tables_have_changed():
    answers, asked = KnownAnswers(), []

    def ask():
        asked.append(1)
        return len(asked)

    assert [answers.get("q", state, ask) for state in (1, 1, 2, 2)] == [1, 1, 2, 2]
    assert answers.get("another", 2, ask) == 3


def test_the_oldest_answers_are_forgotten():
    answers, asked = KnownAnswers(most=2), []
    for question in ("a", "b", "c", "b", "a"):
        answers.get(question, 1, lambda question=question: asked.append(question))
    assert asked == ["a", "b", "c", "a"]
